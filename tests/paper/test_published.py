"""The door of the published data: what is missing is None, what is wrong is refused with file and line."""

from __future__ import annotations

import pytest

from arc_affinity.data.generation.rearc import task_ids
from arc_affinity.errors import ArcAffinityError
from arc_affinity.paper.published import Reference, published_first, read_reference
from arc_affinity.taxonomy.validation import Answer, Answered

TASKS = ("aaaa0001", "aaaa0002", "aaaa0003")
LORA = "task_id,num_examples,epochs,seconds,early_stopped,base_grid_pct,base_cell_pct,final_grid_pct,final_cell_pct\n"
VITARC = "task_id,vit_vanilla,vitarc_vt,vitarc_solve_rate\n"
ROW = "aaaa0001,400,71,314.9,1,2.0,83.5,1.75,87.5\n"


def test_whatever_files_there_are(tmp_path):
    (tmp_path / "lora_302_tasks.csv").write_text(LORA + ROW)
    found = read_reference(tmp_path, TASKS)
    (row,) = found.fine_tunes.values()
    assert (row.task_id, row.examples, row.seconds, row.base_cells) == ("aaaa0001", 400, 314.9, 0.835)
    assert (row.final.cells, row.final.grids) == (0.875, 0.0175)
    assert (found.specialists, found.labels, found.subtypes, found.train) == (None, None, None, frozenset())


def test_shifted_rows_are_those_with_finer_decimals_whose_third_column_is_a_difference(tmp_path):
    rows = "aaaa0001,0.758,0.844,0.086\naaaa0002,0.0,0.94,0.94\naaaa0003,0.758,0.844,0.900\n"
    (tmp_path / "vitarc_400.csv").write_text(VITARC + rows)
    found = read_reference(tmp_path, TASKS).specialists
    assert [row.shifted for row in found.values()] == [True, False, False]


def test_label_files_are_merged(tmp_path):
    (tmp_path / "taxonomy_labels_dev.json").write_text('{"aaaa0001": "S1", "aaaa0002": "ambiguous"}')
    (tmp_path / "taxonomy_labels_rest.json").write_text('{"aaaa0002": "ambiguous", "aaaa0003": "A2"}')
    (tmp_path / "s3_subtypes.json").write_text('{"aaaa0003": "S3-B"}')
    found = read_reference(tmp_path, TASKS)
    assert found.labels == {"aaaa0001": "S1", "aaaa0002": "ambiguous", "aaaa0003": "A2"}
    assert found.subtypes == {"aaaa0003": "S3-B"}
    (tmp_path / "taxonomy_labels_z.json").write_text('{"aaaa0001": "S2"}')
    with pytest.raises(ArcAffinityError, match=r"labels_z\.json: task aaaa0001 is S2, but S1 in another file"):
        read_reference(tmp_path, TASKS)


def test_a_split(tmp_path):
    (tmp_path / "split_308_92.json").write_text('{"train": ["aaaa0001"], "val": ["aaaa0002"]}')
    found = read_reference(tmp_path, TASKS)
    assert found == Reference(train=frozenset({"aaaa0001"}), validation=frozenset({"aaaa0002"}))


def test_no_folder_and_nothing_in_it(tmp_path):
    with pytest.raises(ArcAffinityError, match="no such folder"):
        read_reference(tmp_path / "none", TASKS)
    with pytest.raises(ArcAffinityError, match="holds no reference data"):
        read_reference(tmp_path, TASKS)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("lora_302_tasks.csv", "", "the file is empty"),
        ("lora_302_tasks.csv", LORA, "the file is empty"),
        ("lora_302_tasks.csv", LORA + "aaaa0001,400,71\n", ":2: no seconds; is the line cut short?"),
        ("lora_302_tasks.csv", LORA + ROW.replace("87.5", "high"), ":2: final_cell_pct must be a number, not 'high'"),
        ("lora_302_tasks.csv", LORA + ROW.replace("87.5", "187.5"), "final_cell_pct must be 0 to 100, not 187.5"),
        ("lora_302_tasks.csv", LORA + ROW.replace("314.9", "nan"), "seconds must be 0 or more, not nan"),
        ("lora_302_tasks.csv", LORA + ROW + ROW, ":3: task aaaa0001 comes twice"),
        ("lora_302_tasks.csv", LORA + ROW.replace("0001", "0009"), "unknown task 'aaaa0009'"),
        ("lora_302_tasks.csv", LORA + ROW.replace("87.5", "87.5,3"), ":2: more fields than the head"),
        ("lora_302_tasks.csv", LORA + '"aaaa', "not CSV"),
        ("vitarc_400.csv", VITARC + "aaaa0001,0.5,0.5,1.5\n", "vitarc_solve_rate must be 0 to 1, not 1.5"),
        ("vitarc_400.csv", "task,rate\naaaa0001,1\n", "no task_id"),
        ("vitarc_400.csv", b"\xff\xfe", "the text is UTF-16; save it as UTF-8"),
        ("taxonomy_labels.json", "", "not JSON"),
        ("taxonomy_labels.json", "{}", "no labels"),
        ("taxonomy_labels.json", "[1]", "must be a JSON object"),
        ("taxonomy_labels.json", '{"aaaa0001": "S4"}', "task aaaa0001: unknown category 'S4'; did you mean"),
        ("taxonomy_labels.json", '{"aaaa0001": 3}', "3 is no category"),
        ("taxonomy_labels.json", '{"aaaa0009": "S1"}', "unknown task 'aaaa0009'"),
        ("taxonomy_labels.json", '{"aaaa0001": "S1", "aaaa0001": "S2"}', "'aaaa0001' comes twice"),
        ("s3_subtypes.json", '{"aaaa0001": "S3"}', "S3 is no subtype"),
        ("split_308_92.json", '{"train": ["aaaa0001"]}', "val must be"),
        ("split_308_92.json", '{"train": ["aaaa0001"], "val": ["aaaa0001"]}', "task aaaa0001 is on both sides"),
    ],
)
def test_bad_files_are_told_in_one_line(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ArcAffinityError) as refused:
        read_reference(tmp_path, TASKS)
    assert told in str(refused.value)
    assert str(tmp_path / name) in str(refused.value)


def test_the_published_category_goes_before_the_rules_which_are_told_beside_it():
    by_rules = Answer("C1", None, "flood fill", "fill()", 0.4)
    # Published as C1, as S3-A, and as ambiguous.
    asked = ("007bbfb7", "00d62c1b", "0b148d64")
    found = published_first(Answered(dict.fromkeys(asked, by_rules)), task_ids())
    assert found.answers == {
        "007bbfb7": Answer("C1", None, "flood fill", "fill()", 1.0),
        "00d62c1b": Answer("S3", "S3-A", "flood fill", "the rules say C1: fill()", 1.0),
        "0b148d64": by_rules,
    }
    assert found.details == {task: {"by_rules": "C1"} for task in asked}

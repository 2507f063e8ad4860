"""Settings as JSON and back, and every way to get one wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.network import PairTransformer


def test_settings_survive_json() -> None:
    config = ModelConfig(width=24, heads=3, positions="rotary", bridge="replace", alignment=2.5, flat_positions=True)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict())), "file") == config


def test_settings_left_out_are_the_champions() -> None:
    assert ModelConfig.from_dict({"heads": 8}, "file") == replace(ModelConfig(), heads=8)


def test_fields_added_later_are_saved_only_where_they_say_something() -> None:
    assert "decoder_loops" not in ModelConfig(positions="line").to_dict()
    config = ModelConfig(colours="separate", context="tokens", decoder_loops=2)
    later = {"colours": "separate", "context": "tokens", "decoder_loops": 2}
    assert config.to_dict() == {**ModelConfig().to_dict(), **later}
    assert ModelConfig.from_dict(config.to_dict(), "file") == config


def test_a_whole_number_may_stand_for_a_share() -> None:
    config = ModelConfig.from_dict({"encoder_dropout": 0, "alignment": 2, "positions": "rotary"}, "file")
    assert config == replace(ModelConfig(), encoder_dropout=0.0, alignment=2.0, positions="rotary")
    assert type(config.encoder_dropout) is float


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widht": 160}, "unknown model setting 'widht'; did you mean 'width'?"),
        ({"width": "160"}, 'width must be a whole number, not "160"'),
        ({"width": True}, "width must be a whole number, not true"),
        ({"encoder_dropout": False}, "encoder_dropout must be a number, not false"),
        ({"encoder_dropout": "0"}, 'encoder_dropout must be a number, not "0"'),
        ({"pre_norm": 1}, "pre_norm must be true or false, not 1"),
        ({"positions": "polar"}, 'positions must be one of sinusoid, rotary, sinusoid+rotary, line, not "polar"'),
        ({"heads": 0}, "heads must be a whole number of 1 or more, not 0"),
        ({"decoder_layers": -3}, "decoder_layers must be a whole number of 1 or more, not -3"),
        ({"encoder_dropout": 1.0}, "encoder_dropout must be a number below 1.0, not 1.0"),
        ({"heads": 7}, "width 160 does not divide into 7 heads"),
        ({"context_heads": 3}, "context_width 32 does not divide into 3 heads"),
        ({"width": 162, "heads": 3}, "width must be divisible by 4"),
        ({"width": 60, "heads": 6, "positions": "rotary"}, "heads whose width is divisible by 4, not 10"),
        ({"alignment": 1.0}, "alignment must be 0, or above 0 with rotary positions, not 1.0"),
        ({"alignment": -1.0, "positions": "rotary"}, "alignment must be a number of 0.0 or more, not -1.0"),
        ({"positions": "line", "flat_positions": True}, "flat_positions must be false with positions in a line"),
        ({"positions": "line", "alignment": 1.0}, "alignment must be 0, or above 0 with rotary positions"),
        ({"context": "none", "bridge": "replace"}, "bridge must be left at residual where context, none, gives no"),
        ({"context": "tokens", "mask_padding": False}, "mask_padding must be true where context is tokens"),
        ({"decoder_loops": 0}, "decoder_loops must be a whole number of 1 or more, not 0"),
        ({"width": 10**9}, "width must be a whole number of at most 16384, not 1000000000"),
        ({"encoder_layers": 10**6}, "encoder_layers must be a whole number of at most 256"),
        ({"width": 16_384, "encoder_layers": 99}, "such a model would have over"),
    ],
)
def test_wrong_settings(values: dict[str, object], message: str) -> None:
    with pytest.raises(ArcAffinityError) as caught:
        ModelConfig.from_dict(values, "config.json")
    assert str(caught.value).startswith("config.json: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("context", ["vector", "tokens", "none"])
def test_weights_are_counted_without_building(context: str) -> None:
    config = ModelConfig(
        width=8, heads=2, feed_forward=5, encoder_layers=3, decoder_layers=2, context=context,
        context_width=4, context_heads=1, context_feed_forward=7, context_layers=5,
    )  # fmt: skip
    built = EncoderDecoder(config)
    parts = [built.encoder, built.decoder, *([built.context_encoder] if context == "vector" else [])]
    # Of the context's two stacks one is counted: the number is a lower bound.
    names = [(name, p) for part in parts for name, p in part.named_parameters() if not name.startswith("pixel_q")]
    assert config.least_weights == sum(p.numel() for name, p in names if p.ndim == 2 and "layers" in name)


def test_weights_of_a_pair_transformer_are_counted_without_building() -> None:
    config = PairConfig(width=8, heads=2, layers=3, hidden=5, tasks=7, loops=2)
    built = PairTransformer(config)
    matrices = [p.numel() for p in built.layers.parameters() if p.ndim == 2]
    assert config.least_weights == sum(matrices) + built.tasks.weight.numel()
    with pytest.raises(ArcAffinityError, match="width 12 does not divide into 2 heads"):
        PairConfig(width=12, heads=2)

from arc_affinity.data.datasets.registry import load_tasks as load_tasks
from arc_affinity.notebook.answering import find_model as find_model
from arc_affinity.notebook.answering import predict as predict
from arc_affinity.notebook.answering import solve as solve
from arc_affinity.notebook.answers import read_answers as read_answers
from arc_affinity.notebook.diagnosing import diagnose as diagnose
from arc_affinity.notebook.kinds import classify as classify
from arc_affinity.notebook.pictures import show as show
from arc_affinity.notebook.scoring import score as score
from arc_affinity.notebook.specialists import finetune as finetune
from arc_affinity.notebook.training import train as train

__version__: str

"""Lightning without its hints about products and about settings that were chosen on purpose."""

from __future__ import annotations

import logging
import warnings


def quiet_lightning() -> None:
    """Keep them off the screen, in this process from now on."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")

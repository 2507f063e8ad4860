"""What a model is built from: one frozen value, saved as ``config.json`` beside its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

from arc_affinity.documents import fit, shown
from arc_affinity.errors import ArcAffinityError, unknown

Positions = Literal["sinusoid", "rotary", "sinusoid+rotary"]
PadRow = Literal["learned", "zero"]
BridgeForm = Literal["residual", "replace"]


@dataclass(frozen=True)
class ModelConfig:
    """The parts of an encoder-decoder, chosen once, at build. Defaults: the champion (arXiv 2512.07109, 6.1).

    The last eight fields settle what the paper leaves open or got wrong; ``pad_row="zero"``, ``read_ends=False``,
    ``mask_padding=False`` and ``flat_positions=True`` are the published package's ways.

    ``read_ends``: grids that are read end in PADs as grids that are written do, so that to keep a size is to copy a
    token. ``alignment``: how sharply (nats) some heads with rotary positions look, before any training, at the cell of
    their own place (see `models.blocks.Attention.align`).
    """

    width: int = 160
    heads: int = 4
    feed_forward: int = 640
    encoder_layers: int = 1
    decoder_layers: int = 3
    encoder_dropout: float = 0.1
    decoder_dropout: float = 0.148
    context_width: int = 32
    context_heads: int = 4
    context_feed_forward: int = 128
    context_layers: int = 2
    context_pairs: int = 2
    positions: Positions = "sinusoid"
    pre_norm: bool = True
    pad_row: PadRow = "learned"
    bridge: BridgeForm = "residual"
    normalise_context: bool = True
    alignment: float = 0.0
    read_ends: bool = True
    mask_padding: bool = True
    flat_positions: bool = False

    def to_dict(self) -> dict[str, object]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object], where: str) -> ModelConfig:
        """Build from JSON values.

        Raises:
            ArcAffinityError: a field is unknown, has a value of the wrong kind, or no model can be built from it;
                ``where`` names the file.
        """
        known = {field.name for field in fields(cls)}
        for name, value in values.items():
            if name not in known:
                raise ArcAffinityError(f"{where}: {unknown('model setting', name, known)}")
            if name in CHOICES and value not in CHOICES[name]:
                raise ArcAffinityError(f"{where}: {name} must be one of {', '.join(CHOICES[name])}, not {value!r:.60}")
        config: ModelConfig = fit(values, cls, where)
        for fault in config._faults():
            raise ArcAffinityError(f"{where}: {fault}")
        return config

    def _faults(self) -> Iterator[str]:
        """Say what keeps a model from being built."""
        for name, value in self.to_dict().items():
            if type(value) is int and value < 1:
                yield f"{name} must be at least 1, not {value}"
            if type(value) is int and value > LARGEST[name]:
                yield f"{name} must be at most {LARGEST[name]:,}, not {shown(value)}"
        for name, share in (("encoder_dropout", self.encoder_dropout), ("decoder_dropout", self.decoder_dropout)):
            if not 0 <= share < 1:
                yield f"{name} must be at least 0 and below 1, not {share}"
        for kind, width, heads in (("", self.width, self.heads), ("context_", self.context_width, self.context_heads)):
            if width % heads:
                yield f"{kind}width {width} does not divide into {heads} heads"
            if width % 4:
                yield f"{kind}width must be divisible by 4 (sine and cosine, row and column), not {width}"
        if "rotary" in self.positions and self.width // self.heads % 4:
            yield f"rotary positions need heads whose width is divisible by 4, not {self.width // self.heads}"
        if self.alignment < 0 or (self.alignment and "rotary" not in self.positions):
            yield f"alignment must be 0, or above 0 with rotary positions, not {self.alignment}"
        if not self.alignment <= MOST_ALIGNED:
            yield f"alignment must be at most {MOST_ALIGNED}, not {self.alignment}"
        if self.least_weights > MOST_WEIGHTS:
            yield f"such a model would have over {self.least_weights:,} weights; {MOST_WEIGHTS:,} are the most"

    @property
    def least_weights(self) -> int:
        """Numbers in the matrices of all layers: a little less than the model has."""

        def layer(width: int, feed_forward: int, attentions: int) -> int:
            return width * (4 * attentions * width + 2 * feed_forward)

        return (
            self.encoder_layers * layer(self.width, self.feed_forward, 1)
            + self.decoder_layers * layer(self.width, self.feed_forward, 2)
            + self.context_layers * layer(self.context_width, self.context_feed_forward, 1)
        )


MOST_WEIGHTS = 2_000_000_000
"""Numbers in a model's matrices: as many as one large GPU can train."""

MOST_ALIGNED = 1_000.0

LARGEST: Mapping[str, int] = {
    **dict.fromkeys(("width", "context_width"), 16_384),
    **dict.fromkeys(("feed_forward", "context_feed_forward"), 65_536),
    **dict.fromkeys(("heads", "context_heads"), 256),
    **dict.fromkeys(("encoder_layers", "decoder_layers", "context_layers"), 256),
    "context_pairs": 100,
}
"""Greatest value of each whole number, told before anything is built."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "positions": get_args(Positions),
    "pad_row": get_args(PadRow),
    "bridge": get_args(BridgeForm),
}

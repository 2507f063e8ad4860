"""What a model is built from: one frozen value, saved as ``config.json`` beside its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from msgspec import Meta

from arc_affinity.documents import fit_fields
from arc_affinity.errors import ArcAffinityError

# Bounds are told before anything is built.
Width = Annotated[int, Meta(ge=1, le=16_384)]
Hidden = Annotated[int, Meta(ge=1, le=65_536)]
Layers = Annotated[int, Meta(ge=1, le=256)]
Heads = Annotated[int, Meta(ge=1, le=256)]
Dropout = Annotated[float, Meta(ge=0, lt=1)]

MOST_WEIGHTS = 2_000_000_000
"""Numbers in a model's matrices: as many as one large GPU can train."""


ADDED_LATER = ("colours", "context", "decoder_loops")
"""Fields that are saved only where they differ from their defaults."""


@dataclass(frozen=True)
class ModelConfig:
    """The parts of an encoder-decoder, chosen once, at build. Defaults: the champion (arXiv 2512.07109, 6.1).

    ``pre_norm`` to ``flat_positions`` settle what the paper leaves open or got wrong; ``pad_row="zero"``,
    ``read_ends=False``, ``mask_padding=False`` and ``flat_positions=True`` are the published package's ways.
    ``positions="line"``, ``colours="separate"``, ``bridge="none"`` and ``context="none"`` are the paper's ablations.

    Attributes:
        width: Of a token's vector.
        heads: Of attention, which share the width.
        feed_forward: Hidden units of a layer's feed-forward part.
        encoder_layers: Layers that read the query.
        decoder_layers: Layers that write the output.
        encoder_dropout: Share of activations dropped while training.
        decoder_dropout: Share of activations dropped while training.
        context_width: Of a token's vector in the encoder of demonstrations.
        context_heads: Heads of that encoder.
        context_feed_forward: Hidden units of its feed-forward parts.
        context_layers: Its layers.
        context_pairs: Demonstrations that it is shown.
        positions: How a token knows its row and column: added sinusoids, rotations of queries and
            keys, or both; "line" has one dimension.
        pre_norm: Normalise before each part of a layer, not after it.
        pad_row: The embedding of PAD, the token that ends rows and grids: learned, or zeros.
        bridge: Whether what joins a token and the demonstrations is added to the token or replaces
            it; "none" only adds the context vector to tokens and logits.
        normalise_context: Give the vector of the demonstrations mean 0 and variance 1.
        alignment: How sharply (nats) some heads with rotary positions look, before any training, at the cell of their
            own place (see `models.parts.blocks.Attention.align`).
        read_ends: Grids that are read end in PADs as grids that are written do, so that to keep a size is to copy a
            token.
        mask_padding: Keep what fills a batch up out of attention.
        flat_positions: Count tokens in place of rows and columns.
        colours: Whether the matrix that reads colours writes them too, or one of its own does.
        context: What the decoder sees of the demonstrations: one vector, every token of them (ours), or nothing.
        decoder_loops: How often the decoder's layers are applied, with the same weights (ours).
    """

    width: Width = 160
    heads: Heads = 4
    feed_forward: Hidden = 640
    encoder_layers: Layers = 1
    decoder_layers: Layers = 3
    encoder_dropout: Dropout = 0.1
    decoder_dropout: Dropout = 0.148
    context_width: Width = 32
    context_heads: Heads = 4
    context_feed_forward: Hidden = 128
    context_layers: Layers = 2
    context_pairs: Annotated[int, Meta(ge=1, le=100)] = 2
    positions: Literal["sinusoid", "rotary", "sinusoid+rotary", "line"] = "sinusoid"
    pre_norm: bool = True
    pad_row: Literal["learned", "zero"] = "learned"
    bridge: Literal["residual", "replace", "none"] = "residual"
    normalise_context: bool = True
    alignment: Annotated[float, Meta(ge=0, le=1_000)] = 0.0
    read_ends: bool = True
    mask_padding: bool = True
    flat_positions: bool = False
    colours: Literal["shared", "separate"] = "shared"
    context: Literal["vector", "tokens", "none"] = "vector"
    decoder_loops: Layers = 1

    def to_dict(self) -> dict[str, object]:
        """Return the fields as JSON values.

        Those that models had not from the beginning are left out at their defaults: so older models keep their digests.
        """
        defaults = ModelConfig()
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in ADDED_LATER or value != getattr(defaults, name)
        }

    @property
    def numbers_cells(self) -> bool:
        """Whether a cell's place is its number in raster order, whatever the grid's width."""
        return self.flat_positions or self.positions == "line"

    @classmethod
    def from_dict(cls, values: Mapping[str, object], where: str) -> ModelConfig:
        """Build from JSON values.

        Raises:
            ArcAffinityError: a field is unknown, has a value of the wrong kind, or no model can be built from it;
                ``where`` names the file.
        """
        config = cls(**fit_fields(values, cls, "model setting", where))
        for fault in config._faults():
            raise ArcAffinityError(f"{where}: {fault}")
        return config

    def _faults(self) -> Iterator[str]:
        for kind, width, heads in (("", self.width, self.heads), ("context_", self.context_width, self.context_heads)):
            if width % heads:
                yield f"{kind}width {width} does not divide into {heads} heads"
            if width % 4:
                yield f"{kind}width must be divisible by 4 (sine and cosine, row and column), not {width}"
        if "rotary" in self.positions and self.width // self.heads % 4:
            yield f"rotary positions need heads whose width is divisible by 4, not {self.width // self.heads}"
        if self.alignment and "rotary" not in self.positions:
            yield f"alignment must be 0, or above 0 with rotary positions, not {self.alignment}"
        if self.positions == "line" and self.flat_positions:
            yield "flat_positions must be false with positions in a line, which are flat by themselves"
        if self.context != "vector" and self.bridge != "residual":
            yield f"bridge must be left at residual where context, {self.context}, gives no vector to bring over"
        if self.context == "tokens" and not self.mask_padding:
            yield "mask_padding must be true where context is tokens, or padding would be read as demonstrations"
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
            + (self.context == "vector") * self.context_layers * layer(self.context_width, self.context_feed_forward, 1)
        )

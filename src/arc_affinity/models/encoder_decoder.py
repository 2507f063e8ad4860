"""The champion and its variants: an encoder over the query, a decoder over the output, a context vector for both."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from arc_affinity.data.batching.batch import IGNORE, Batch, GridStack
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.parts.blocks import Decoder, Encoder, KeyValues, KVCache
from arc_affinity.models.parts.bridge import Bridge
from arc_affinity.models.parts.colours import ColourEmbedding
from arc_affinity.models.parts.context import ContextEncoder, DemonstrationTokens
from arc_affinity.models.parts.positions import Rotation, SinusoidPositions, Turn
from arc_affinity.types import PAD, VOCABULARY

Logits = Float[Tensor, "batch steps vocabulary"]

ALIGNED_HEADS = 2
"""Heads of the encoder and of cross-attention that ``alignment`` acts on; half of them stay free."""

UNUSED_AUGMENTATION_CLASSES = 13
"""Rows of `output_aug_extra`, which the published checkpoint holds and its configuration never uses."""


@dataclass
class EncoderOutput:
    """What the encoders made of a batch's queries and demonstrations: all that a decoder step needs.

    Attributes:
        memories: keys and values of the query's tokens for the cross-attention of each decoder layer; those of the
            demonstrations' tokens behind them where the configuration's context is "tokens".
        mask: true on the tokens that there are; None where padding is looked at too.
        context: the vector of each example's demonstrations, where the configuration has one.
    """

    memories: list[KeyValues]
    mask: Bool[Tensor, "batch tokens"] | None
    context: Float[Tensor, "batch context"] | None

    def select(self, rows: Int[Tensor, "rows"]) -> EncoderOutput:
        """Return that of some examples of the batch."""
        memories = [memory.select(rows) for memory in self.memories]
        mask, context = (None if each is None else each[rows] for each in (self.mask, self.context))
        return EncoderOutput(memories, mask, context)


class EncoderDecoder(nn.Module):
    """An encoder-decoder over grids with 1,644,975 trainable parameters in the champion's configuration.

    Source: arXiv 2512.07109, sections 6.1 and 7.11, and the published listing of its checkpoint, whose names its
    modules bear. Parts that the checkpoint holds but the champion does not use (`output_aug_extra`, `eval_ln` and
    four scalars) are kept, so that a checkpoint survives import and export whole.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.input_embedding = ColourEmbedding(
            c.width, learned_pad=c.pad_row == "learned", shared=c.colours == "shared"
        )
        line = c.positions == "line"
        self.positional_encoding = None if c.positions == "rotary" else SinusoidPositions(c.width, line=line)
        self.rotation = Rotation(c.width // c.heads) if "rotary" in c.positions else None
        self.encoder = Encoder(
            c.encoder_layers, c.width, c.heads, c.feed_forward, c.encoder_dropout, pre_norm=c.pre_norm
        )
        self.dec_mem_ln = nn.LayerNorm(c.width)
        self.decoder = Decoder(
            c.decoder_layers, c.width, c.heads, c.feed_forward, c.decoder_dropout, pre_norm=c.pre_norm
        )
        self.decoder_inter_layer_ln = nn.ModuleList(nn.LayerNorm(c.width) for _ in range(c.decoder_layers))
        self.bos_embed = nn.Parameter(torch.randn(c.width) * 0.02)
        if c.context == "vector":
            self._add_context(line=line)
        else:
            self.logits_bias = nn.Parameter(torch.zeros(VOCABULARY))
        if c.context == "tokens":
            self.demonstration_tokens = DemonstrationTokens(c.width, c.context_pairs)
        self.output_aug_extra = nn.Linear(c.width, UNUSED_AUGMENTATION_CLASSES, bias=False)
        self.eval_ln = nn.LayerNorm(c.width)
        self.cebr_alpha, self.cebr_beta, self.cebr_gamma, self.gauge_alpha = (
            nn.Parameter(torch.zeros(())) for _ in range(4)
        )
        if c.alignment:
            self._align(c.alignment)

    def _add_context(self, *, line: bool) -> None:
        """Add what makes the context vector, and what brings it to the decoder."""
        c = self.config
        self.context_encoder = ContextEncoder(
            c.context_width,
            c.context_heads,
            c.context_feed_forward,
            c.context_layers,
            pre_norm=c.pre_norm,
            mask_padding=c.mask_padding,
            normalise=c.normalise_context,
            line=line,
        )
        if c.bridge != "none":
            self.context_integration = Bridge(c.width, c.context_width, residual=c.bridge == "residual")
        self.context_to_tgt_bias = nn.Linear(c.context_width, c.width, bias=False)
        self.context_to_logits = nn.Linear(c.context_width, VOCABULARY)

    def _align(self, sharpness: float) -> None:
        if self.rotation is None:
            raise ArcAffinityError("alignment needs rotary positions")
        for reader in self.encoder.stack:
            reader.self_attn.align(ALIGNED_HEADS, sharpness)
        for writer in self.decoder.stack:
            writer.self_attn.align(1, sharpness)
            writer.multihead_attn.align(ALIGNED_HEADS, sharpness)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.bos_embed.device

    @property
    def output_bias(self) -> nn.Parameter:
        """What is added to the logits of each token whatever the example."""
        return self.context_to_logits.bias if self.config.context == "vector" else self.logits_bias

    def parameter_count(self) -> int:
        """Number of unique trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, batch: Batch) -> Logits:
        """Return the logits of every step, each step shown the true steps before it (teacher forcing).

        Raises:
            ValueError: the batch has no targets.
        """
        if batch.target is None or batch.target_positions is None:
            raise ValueError("teacher forcing needs targets")
        written = batch.target[:, :-1].masked_fill(batch.target[:, :-1] == IGNORE, PAD)
        tokens = self.input_embedding(written)
        start = self.bos_embed.to(tokens.dtype).expand(len(batch), 1, -1)
        positions = batch.target_positions
        if self.config.numbers_cells:
            positions = nn.functional.pad((written != PAD).cumsum(1), (1, 0))
        return self._decode(torch.cat([start, tokens], dim=1), positions, self.encode(batch), None)

    def reading_once(self) -> contextlib.AbstractContextManager[None]:
        """Within it a demonstration is read once if what reads it is not trained: `ContextEncoder.remembering`."""
        return self.context_encoder.remembering() if self.config.context == "vector" else contextlib.nullcontext()

    def encode(self, batch: Batch) -> EncoderOutput:
        """Encode the queries and demonstrations of ``batch``."""
        query, inputs, outputs = batch.query, batch.demonstration_inputs, batch.demonstration_outputs
        if not self.config.read_ends:
            query, inputs, outputs = (
                query.cells_only(),
                inputs.map(GridStack.cells_only),
                outputs.map(GridStack.cells_only),
            )
        if self.config.numbers_cells:
            query, inputs, outputs = (
                query.flattened(),
                inputs.map(GridStack.flattened),
                outputs.map(GridStack.flattened),
            )
        memory, positions = self._read(query), query.positions
        mask = query.mask if self.config.mask_padding else None
        context = self.context_encoder(inputs, outputs) if self.config.context == "vector" else None
        if self.config.context == "tokens":
            shown = self.demonstration_tokens(inputs, outputs, self._read)
            memory, positions = torch.cat([memory, shown.stream], 1), torch.cat([positions, shown.positions], 1)
            mask = torch.cat([query.mask, shown.mask], 1)
        memory, turn = self.dec_mem_ln(memory), self._turn(positions)
        memories = [layer.multihead_attn.key_values(memory, turn) for layer in self.decoder.stack]
        return EncoderOutput(memories, mask, context)

    def _read(self, grids: GridStack) -> Float[Tensor, "grids steps width"]:
        stream = self._placed(self.input_embedding(grids.tokens), grids.positions)
        mask = grids.mask if self.config.mask_padding else None
        read: Tensor = self.encoder(stream, mask, self._turn(grids.positions))
        return read

    def step(
        self,
        written: Int[Tensor, "batch"] | None,
        positions: Int[Tensor, "batch"],
        encoded: EncoderOutput,
        caches: list[KVCache],
    ) -> Float[Tensor, "batch vocabulary"]:
        """Return the logits of one step at ``positions`` after token ``written`` (None: the first step).

        ``caches`` (see `new_caches`) hold the steps before and are grown by this one.
        """
        if written is None:
            tokens = self.bos_embed.expand(len(positions), 1, -1)
        else:
            tokens = self.input_embedding(written[:, None])
        return self._decode(tokens, positions[:, None], encoded, caches)[:, 0]

    def new_caches(self) -> list[KVCache]:
        """Return an empty cache for each decoder layer, each time that it is applied, for `step`."""
        return [KVCache() for _ in range(self.config.decoder_layers * self.config.decoder_loops)]

    def _placed(
        self, tokens: Float[Tensor, "batch cells width"], positions: Int[Tensor, "batch cells"]
    ) -> Float[Tensor, "batch cells width"]:
        return tokens if self.positional_encoding is None else tokens + self.positional_encoding(positions)

    def _turn(self, positions: Int[Tensor, "batch cells"]) -> Turn | None:
        turn: Turn | None = None if self.rotation is None else self.rotation(positions)
        return turn

    def _decode(
        self,
        tokens: Float[Tensor, "batch steps width"],
        positions: Int[Tensor, "batch steps"],
        encoded: EncoderOutput,
        caches: list[KVCache] | None,
    ) -> Logits:
        stream, context = self._placed(tokens, positions), encoded.context
        if context is not None:
            stream = stream + self.context_to_tgt_bias(context)[:, None]
            if self.config.bridge != "none":
                stream = self.context_integration(stream, context)
        turn = self._turn(positions)
        layers = [*zip(self.decoder.stack, self.decoder_inter_layer_ln, encoded.memories, strict=True)]
        for i, (layer, norm, memory) in enumerate(layers * self.config.decoder_loops):
            cache = None if caches is None else caches[i]
            stream = norm(layer(stream, memory, encoded.mask, turn, cache))
        bias = self.logits_bias if context is None else self.context_to_logits(context)[:, None]
        return self.input_embedding.logits(stream) + bias

"""Models of other libraries: how many of their weights go to cells, and whether all these cells are read.

    python benchmarks/torch_models.py [NAME ...]

Models are built from configurations with random weights, without downloads; language models are small ones of their
kind. Cells are ideal and converters are off, so that what is left is the curvature of the cells. Needs the extra
``torch``, and those of torchvision, timm, transformers, torch_geometric and snntorch whose models are meant; the others
are named.
"""

import functools
import importlib
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

import synaptogen as sg
from _timing import introduce, parser, table, write_json

IDEAL = sg.torch.AnalogConfig(bandwidth=0, dac_bits=None, adc_bits=None, programming="ideal", seed=1)
SMALL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
}
Inputs = Callable[[], Any]


def image(size: int) -> Inputs:
    return lambda: (torch.randn(1, 3, size, size),)


def tokens() -> Any:
    return {"input_ids": torch.randint(0, 90, (2, 12)), "use_cache": False}


def vision(name: str) -> nn.Module:
    return getattr(importlib.import_module("torchvision.models"), name)(weights=None)


def timm(name: str) -> nn.Module:
    return importlib.import_module("timm").create_model(name)


def transformers(model: str, config: str, **options: Any) -> nn.Module:
    library = importlib.import_module("transformers")
    return getattr(library, model)(getattr(library, config)(**options))


def graph(kind: str, **options: Any) -> nn.Module:
    return getattr(importlib.import_module("torch_geometric.nn"), kind)(16, 32, 3, 8, **options)


def edges() -> Any:
    return torch.randn(20, 16), torch.randint(0, 20, (2, 60))


def spiking() -> nn.Module:
    leaky = importlib.import_module("snntorch").Leaky
    layers = [part for n in (20, 50) for part in (nn.Linear(n, 70 - n), leaky(0.9, init_hidden=True))]
    return nn.Sequential(*layers)


def of_transformers(name: str, config: str, **options: Any) -> Callable[[], nn.Module]:
    return functools.partial(transformers, name, config, **options)


MODELS: dict[str, tuple[Callable[[], nn.Module], Inputs]] = {
    **{
        name: (functools.partial(vision, name), image(size))
        for name, size in (
            ("resnet18", 64),
            ("convnext_tiny", 64),
            ("swin_t", 64),
            ("swin_v2_t", 64),
            ("vit_b_16", 224),
            ("mobilenet_v3_small", 64),
            ("efficientnet_b0", 64),
            ("densenet121", 64),
            ("maxvit_t", 224),
        )
    },
    **{
        f"timm {name}": (functools.partial(timm, name), image(size))
        for name, size in (
            ("convnext_atto", 64),
            ("nf_resnet26", 64),
            ("resnetv2_50", 64),
            ("beit_base_patch16_224", 224),
            ("eva02_tiny_patch14_224", 224),
            ("fastvit_t8", 64),
        )
    },
    "GPT-2": (of_transformers("GPT2LMHeadModel", "GPT2Config", n_layer=2, n_embd=64, n_head=4, vocab_size=100), tokens),
    "BERT": (of_transformers("BertModel", "BertConfig", **SMALL), lambda: {"input_ids": torch.randint(0, 90, (2, 12))}),
    "Llama": (of_transformers("LlamaForCausalLM", "LlamaConfig", **SMALL), tokens),
    "Mixtral": (
        of_transformers("MixtralForCausalLM", "MixtralConfig", **SMALL, num_key_value_heads=2, num_local_experts=4),
        tokens,
    ),
    "wav2vec2": (of_transformers("Wav2Vec2Model", "Wav2Vec2Config", **SMALL), lambda: (torch.randn(1, 8000),)),
    "Mamba": (
        of_transformers("MambaForCausalLM", "MambaConfig", hidden_size=64, num_hidden_layers=2, vocab_size=100),
        tokens,
    ),
    "EnCodec": (of_transformers("EncodecModel", "EncodecConfig"), lambda: (torch.randn(1, 1, 3200),)),
    **{f"graph {kind}": (functools.partial(graph, kind), edges) for kind in ("GCN", "GraphSAGE", "GAT", "GIN")},
    "spiking (snntorch)": (spiking, lambda: (torch.randn(5, 20),)),
}


def outcome(model: nn.Module, inputs: Any) -> Tensor:
    """Return the first real tensor that a model returns."""
    torch.manual_seed(1)
    with torch.no_grad():
        y = model(**inputs) if isinstance(inputs, dict) else model(*inputs)
    leaves = tree_leaves(y.to_tuple() if hasattr(y, "to_tuple") else y)
    return next(t for t in leaves if isinstance(t, Tensor) and t.is_floating_point())


def row(name: str) -> list[Any]:
    """Return a row of the table."""
    make, inputs = MODELS[name]
    torch.manual_seed(0)
    try:
        model, given = make().eval(), inputs()
    except ImportError as error:
        return [name, f"not installed: {error.name}", "", "", "", ""]
    plan = sg.torch.convert(model, dry_run=True)
    analog = sg.torch.convert(model, IDEAL)
    y, z = outcome(model, given), outcome(analog, given)
    parts = sg.torch.analog_parts(analog).values()
    tables = plan.weights - plan.in_tables
    return [
        name,
        f"{plan.weights / 1e6:.3g} M",
        f"{100 * plan.on_cells / plan.weights:.1f}",
        f"{100 * plan.on_cells / tables:.1f}",
        f"{sum(part.counts.inputs > 0 for part in parts)} of {len(parts)}",
        f"{100 * float((y - z).norm() / y.norm()):.1f}" if bool(y.any()) else "-",
    ]


def main() -> None:
    """Print the table."""
    options = parser(__doc__, repeats=1)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"default: all, {', '.join(MODELS)}")
    given = options.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    about = introduce("Models of other libraries on cells")
    heads = ["model", "weights", "% on cells", "% without tables", "layers read", "% off float"]
    rows = [row(name) for name in given.names or MODELS]
    print(table(heads, rows))
    write_json(given.json, about, [dict(zip(heads, each, strict=True)) for each in rows])


if __name__ == "__main__":
    main()

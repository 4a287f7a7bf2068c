"""What the library prints about its memory, added up."""

from inference.engine.backend import Sizes
from inference.engine.llama.buffers import Buffers

MIB = 1024 * 1024
LINES = """
load_tensors:   CPU_Mapped model buffer size =   400.00 MiB
load_tensors:        CUDA0 model buffer size =   500.00 MiB
load_tensors:        CUDA1 model buffer size =   300.00 MiB
llama_context:  CUDA_Host  output buffer size =     2.00 MiB
llama_kv_cache:        CPU KV buffer size =    32.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =    64.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =    16.00 MiB
llama_memory_recurrent:  CPU RS buffer size =     8.00 MiB
sched_reserve:      CUDA0 compute buffer size =   999.00 MiB
sched_reserve:      CUDA0 compute buffer size =   100.00 MiB
sched_reserve:  CUDA_Host compute buffer size =    10.00 MiB
llama_kv_cache: size = 112.00 MiB (  4096 cells,  30 layers,  4/4 seqs), K (f16)
"""


def test_buffers_are_added_up_by_place_and_computing_counts_once() -> None:
    buffers = Buffers()
    for line in LINES.splitlines():
        buffers.hear(line)

    assert buffers.sizes(model_bytes=1000 * MIB, context_bytes=1) == Sizes(
        model_bytes=1000 * MIB,
        context_bytes=(32 + 64 + 16 + 8) * MIB,
        compute_bytes=(2 + 100 + 10) * MIB,
        vram_bytes=(500 + 300 + 64 + 16 + 100) * MIB,
    )


def test_where_nothing_was_said_what_is_known_otherwise_stands() -> None:
    sizes = Buffers().sizes(model_bytes=7, context_bytes=5)

    assert (sizes.model_bytes, sizes.context_bytes, sizes.total_bytes) == (7, 5, 12)

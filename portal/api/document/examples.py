"""What the answers look like, for people who read the document. A test holds each to its shape."""

from typing import Any

MODEL = "smollm2:135m"
DIGEST = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
QUESTION = {"role": "user", "content": "Why is the sky blue?"}

_SAID = "Air scatters blue light more than red."
_MANIFEST = "5a1f0b5c8e2d4f6a9b3c7d1e0f2a4b6c8d0e1f3a5b7c9d1e3f5a7b9c1d3e5f7a"
_COUNTERS = {
    "total_duration": 812345678,
    "load_duration": 45000000,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 120000000,
    "eval_count": 12,
    "eval_duration": 210000000,
}
_DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "134.52M",
    "quantization_level": "Q4_1",
}
_LENGTHS = {"context_length": 8192, "embedding_length": 576}
_USAGE = {"prompt_tokens": 26, "completion_tokens": 12, "total_tokens": 38}

CHAT_REPLY: dict[str, Any] = {
    "model": MODEL,
    "created_at": "2026-08-21T10:00:00.123456Z",
    "message": {"role": "assistant", "content": _SAID},
    "done": True,
    "done_reason": "stop",
    **_COUNTERS,
}
GENERATE_REPLY: dict[str, Any] = {
    "model": MODEL,
    "created_at": "2026-08-21T10:00:00.123456Z",
    "response": _SAID,
    "done": True,
    "done_reason": "stop",
    "context": [1, 4093, 198, 8633],
    **_COUNTERS,
}
TAG: dict[str, Any] = {
    "name": MODEL,
    "model": MODEL,
    "modified_at": "2026-08-21T12:00:00.5+02:00",
    "size": 98362432,
    "digest": _MANIFEST,
    "details": {**_DETAILS, **_LENGTHS},
    "capabilities": ["completion"],
}
LOADED: dict[str, Any] = {
    "name": MODEL,
    "model": MODEL,
    "size": 170000000,
    "digest": _MANIFEST,
    "details": _DETAILS,
    "expires_at": "2026-08-21T12:05:00.5+02:00",
    "size_vram": 0,
    "context_length": 4096,
}
SHOWN: dict[str, Any] = {
    "modelfile": f"FROM {MODEL}\n",
    "parameters": "temperature                    0.7",
    "details": {**_DETAILS, **_LENGTHS},
    "model_info": {"general.architecture": "llama", "general.parameter_count": 134515008},
    "capabilities": ["completion"],
    "modified_at": "2026-08-21T12:00:00.5+02:00",
}
COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-6f0e7c9a3f4b4c639d1e0a8d6f2f0a11",
    "object": "chat.completion",
    "created": 1787306400,
    "model": MODEL,
    "system_fingerprint": "fp_ollama",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": _SAID},
            "finish_reason": "stop",
        }
    ],
    "usage": _USAGE,
}
COMPLETION_REPLY: dict[str, Any] = {
    "id": "cmpl-6f0e7c9a3f4b4c639d1e0a8d6f2f0a11",
    "object": "text_completion",
    "created": 1787306400,
    "model": MODEL,
    "system_fingerprint": "fp_ollama",
    "choices": [{"text": " there was a sky.", "index": 0, "finish_reason": "stop"}],
    "usage": _USAGE,
}
RESPONSE: dict[str, Any] = {
    "id": "resp_6f0e7c9a",
    "object": "response",
    "created_at": 1787306400,
    "completed_at": 1787306401,
    "status": "completed",
    "incomplete_details": None,
    "model": MODEL,
    "previous_response_id": None,
    "instructions": None,
    "output": [
        {
            "id": "msg_6f0e7c9a",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": _SAID, "annotations": [], "logprobs": []}],
        }
    ],
    "error": None,
    "tools": [],
    "tool_choice": "auto",
    "truncation": "disabled",
    "parallel_tool_calls": True,
    "text": {"format": {"type": "text"}},
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "top_logprobs": 0,
    "temperature": 1,
    "reasoning": None,
    "usage": {
        "input_tokens": 26,
        "output_tokens": 12,
        "total_tokens": 38,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
    "max_output_tokens": None,
    "max_tool_calls": None,
    "store": False,
    "background": False,
    "service_tier": "default",
    "metadata": {},
    "safety_identifier": None,
    "prompt_cache_key": None,
}
EMBEDDINGS: dict[str, Any] = {
    "object": "list",
    "data": [{"object": "embedding", "embedding": [0.6, 0.8], "index": 0}],
    "model": MODEL,
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}
RANKING: dict[str, Any] = {
    "model": MODEL,
    "object": "list",
    "usage": {"prompt_tokens": 30, "total_tokens": 30},
    "results": [
        {"index": 1, "relevance_score": 2.5},
        {"index": 0, "relevance_score": -7.1},
    ],
}
OPENAI_MODEL: dict[str, Any] = {
    "id": MODEL,
    "object": "model",
    "created": 1787306400,
    "owned_by": "library",
    "name": MODEL,
    "context_length": 8192,
    "architecture": {"input_modalities": ["text"]},
}
ANTHROPIC_REPLY: dict[str, Any] = {
    "id": "msg_6f0e7c9a3f4b4c639d1e0a8d",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [{"type": "text", "text": _SAID}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 26, "output_tokens": 12},
}

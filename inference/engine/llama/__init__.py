"""A model through llama.cpp, by its low-level API (DESIGN decision 8). Not for policy."""

from inference.engine.llama.backend import LlamaBackend
from inference.engine.llama.embedding import LlamaPooler
from inference.engine.llama.embedding import load as load_pooler
from inference.engine.llama.library import listen
from inference.engine.llama.loading import load
from inference.engine.llama.vocabulary import LlamaVocabulary

__all__ = ["LlamaBackend", "LlamaPooler", "LlamaVocabulary", "listen", "load", "load_pooler"]

"""Bytes to the contract's structs, strictly. Not for encoding: any struct does that (`encode`)."""

from typing import TypeVar

import msgspec

from inference.protocol.events import Event
from inference.protocol.hosts import Death, HostState
from inference.protocol.pins import Pins
from inference.protocol.plain import ProtocolError
from inference.protocol.requests import ModelSpec, Request
from inference.protocol.trials import Trial, Verdict

_event: "msgspec.json.Decoder[Event]" = msgspec.json.Decoder(Event)
_request = msgspec.json.Decoder(Request)
_spec = msgspec.json.Decoder(ModelSpec)
_death = msgspec.json.Decoder(Death)
_host = msgspec.json.Decoder(HostState)
_pins = msgspec.json.Decoder(Pins)
_trial = msgspec.json.Decoder(Trial)
_verdict = msgspec.json.Decoder(Verdict)


def decode_event(data: bytes) -> Event:
    return _decode(_event, data)


def decode_request(data: bytes) -> Request:
    return _decode(_request, data)


def decode_spec(data: bytes) -> ModelSpec:
    return _decode(_spec, data)


def decode_death(data: bytes) -> Death:
    return _decode(_death, data)


def decode_host(data: bytes) -> HostState:
    return _decode(_host, data)


def decode_pins(data: bytes) -> Pins:
    return _decode(_pins, data)


def decode_trial(data: bytes) -> Trial:
    return _decode(_trial, data)


def decode_verdict(data: bytes) -> Verdict:
    return _decode(_verdict, data)


T = TypeVar("T")


def _decode(decoder: "msgspec.json.Decoder[T]", data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(type(error).__name__) from None

"""xxHash64, seed 0: the hash Loki gives a stream's labels. Its length as a varint counts in a message's size.

Written from the algorithm's published specification; short inputs only, so clarity before speed.
"""

from __future__ import annotations

from typing import Final

_MASK: Final = (1 << 64) - 1
_P1: Final = 0x9E3779B185EBCA87
_P2: Final = 0xC2B2AE3D27D4EB4F
_P3: Final = 0x165667B19E3779F9
_P4: Final = 0x85EBCA77C2B2AE63
_P5: Final = 0x27D4EB2F165667C5


def xxhash64(data: bytes) -> int:
    """The 64-bit hash of `data`."""
    striped = len(data) - len(data) % 32
    value = (_stripes(data[:striped]) if striped else _P5) + len(data) & _MASK
    return _avalanche(_tail(value, data[striped:]))


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def _stripes(data: bytes) -> int:
    lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
    for index in range(0, len(data), 8):
        lane = index // 8 % 4
        lanes[lane] = _round(lanes[lane], int.from_bytes(data[index : index + 8], "little"))
    value = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
    for lane in lanes:
        value = ((value ^ _round(0, lane)) * _P1 + _P4) & _MASK
    return value


def _tail(value: int, data: bytes) -> int:
    at = 0
    for at in range(8, len(data) + 1, 8):
        value = (_rotated(value ^ _round(0, int.from_bytes(data[at - 8 : at], "little")), 27) * _P1 + _P4) & _MASK
    at = len(data) - len(data) % 8
    if len(data) - at >= 4:
        word = int.from_bytes(data[at : at + 4], "little")
        value = (_rotated(value ^ (word * _P1 & _MASK), 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in data[at:]:
        value = _rotated(value ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK
    return value


def _avalanche(value: int) -> int:
    value = (value ^ value >> 33) * _P2 & _MASK
    value = (value ^ value >> 29) * _P3 & _MASK
    return value ^ value >> 32

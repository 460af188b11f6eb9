"""What users ask and models answer: 256 texts of a seed, half of them Korean, as long as real ones are.

Lengths in characters are log-normal about 600 (half are shorter than 670, one in a hundred is longer than 6000), in
bytes 1600 on average, since a Korean syllable takes three. Newlines are written `\\n`, as in a Python repr.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from shipper.demo.record import mix

PROMPTS: Final = 256
WORDS: Final = 4096
SHORTEST, LONGEST = 40, 24_000
NORMAL: Final = 0.57735
"""The spread of a sum of four even chances, sqrt(4 / 12), in five digits so that every machine rounds alike."""


@lru_cache(maxsize=2)
def prompts(seed: int) -> tuple[str, ...]:
    """The texts of a seed; those whose hash is odd are Korean."""
    vocabularies = (_vocabulary(seed, 0xE1, _english), _vocabulary(seed, 0xC0, _korean))
    chances = [mix(seed ^ 0xABCD0000 ^ place) for place in range(PROMPTS)]
    return tuple(_prompt(chance, vocabularies[chance & 1]) for chance in chances)


def _prompt(chance: int, vocabulary: tuple[str, ...]) -> str:
    fields = sum(chance >> shift & 0xFFFF for shift in (0, 16, 32, 48))
    normal = (fields / 65536 - 2) / NORMAL
    length = min(max(int(math.exp(6.4 + 1.1 * normal)), SHORTEST), LONGEST)
    pieces: list[str] = []
    size = 0
    for piece in _pieces(chance, vocabulary):
        pieces.append(piece)
        size += len(piece)
        if size >= length:
            break
    return "".join(pieces)[:length].removesuffix("\\")


def _pieces(chance: int, vocabulary: tuple[str, ...]) -> Iterator[str]:
    """Words, each with the space or the newline behind it."""
    while True:
        chance = mix(chance)
        yield vocabulary[chance % WORDS] + (" " if chance >> 60 else "\\n")


def _vocabulary(seed: int, language: int, word: Callable[[int], str]) -> tuple[str, ...]:
    return tuple(word(mix(seed ^ language << 40 ^ place)) for place in range(WORDS))


def _english(chance: int) -> str:
    return "".join(chr(97 + (chance >> 5 * place + 8) % 26) for place in range(2 + chance % 8))


def _korean(chance: int) -> str:
    return "".join(
        chr(0xAC00 + (chance >> 12 * place & 4095) * 11172 // 4096) for place in range(1 + (chance >> 60) % 5)
    )

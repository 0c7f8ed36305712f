"""Texts that pass for each other: what is left when look-alikes are made equal (the idea of Unicode's TR39). Pure."""

from __future__ import annotations

import unicodedata

# First the look-alike, then what it passes for (of Unicode's confusables.txt, as far as names of tokens reach).
_PAIRS = (
    "0o 1l |l !l ıl ĸk øo đd łl ħh ŧt þp ðd ŋn ƀb ɑa ɡg ɩl ʏy ʋu ᴏo ɪl ѡw "
    "аa бb вb гr дd еe зe иu йu кk мm нh оo пn рp сc тt уy фo хx ьb эe ѕs іl јj ћh ђh ԁd ԛq "
    "ԝw һh ӏl ԍg ҽe ѵv үy қk ңh ґr єe "
    "αa βb γy δd εe ζz ηn θo ιl κk μu νv οo πn ρp σo ςc τt υu φo χx ωw "
    "օo ոn սu հh ցg զq ѕs տs քp ւl Ꭰd ᎡR ꓓd ꓢs ꓤr ꓴu ꓚc ꓲl ꓳo ꓮa ꓐb ꓔt ꓰe ꓧh "
    "$s €e £l ¥y ₮t ₿b ₩w ₽p ꜱs ᴄc ᴅd ᴜu ᴇe ᴛt ʜh ᴀa ʙb ʀr ɴn ᴍm ᴘp ᴋk ᴠv ᴡw ᴢz"
)
_LOOK_ALIKE = {ord(pair[0].lower()): pair[1:].lower() for pair in _PAIRS.split() if len(pair) == 2}
_PAIRED_MORE = {ord("5"): "s", ord("8"): "b", ord("3"): "e", ord("2"): "z", ord("6"): "b", ord("9"): "g"}
_DROPPED = frozenset({"Mn", "Me", "Cf", "Cc", "Co", "Cn", "Cs", "Zs", "Zl", "Zp", "Pd", "Pc", "Po", "Sk", "Lm"})
"""Accents, invisible and control characters, blanks, dashes and dots: nobody sees them well enough to tell."""


def skeleton(text: str) -> str:
    """Two texts with the same one can be taken for each other. "" for a text of nothing that is seen."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()).translate(_LOOK_ALIKE)
    seen = "".join(c for c in folded if unicodedata.category(c) not in _DROPPED)
    joined = seen.translate(_PAIRED_MORE)
    return joined.replace("rn", "m").replace("vv", "w").replace("cl", "d").replace("i", "l")


def resembles(text: str, known: str) -> bool:
    """Another spelling of it, or one that only looks like it."""
    mine, other = skeleton(text), skeleton(known)
    return bool(other) and mine == other

"""Numbers are the same whether a text spells them out or not: these are those of a text, in digits.

What is read in words is meant for what a writer was given: it may name more than was meant, never less than common use.
"""

import re

from backend.domain.text import clean

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[ .,\u00a0\u202f']\d{3})*(?:[.,]\d+)?(?!\w)|\d+(?=[年月日件人円本%％])")
_PERCENT = re.compile(
    r"(\d+)\s?(?:[%％]|percent|per cent|prozent|pour cent|por cien|por cento|per cento|procent)", re.IGNORECASE
)
_IDIOM = re.compile(r"\b24/7\b")
"""It counts nothing."""
_WORD = re.compile(r"[^\W\d_]+")
_KANJI = re.compile("[一二三四五六七八九十百千]+")
_KANJI_DIGITS = "〇一二三四五六七八九"
_KANJI_UNITS = {"十": 10, "百": 100, "千": 1000}
_SPELLED = {
    1: "one ein eine eins einen einer un une uno una een um uma en ett jeden jedna jednego",
    2: "two second zwei zweite zweiten deux deuxième dos segunda segundo due seconda secondo twee tweede dois duas två andra"
    " dwa dwie dwóch drugi druga",
    3: "three third drei dritte trois troisième tres tercera tre terza terzo drie derde três terceira tredje trzy"
    " trzech trzeci",
    4: "four fourth vier vierte quatre quatrième cuatro cuarta quattro quarta vierde quatro fyra cztery czterech czwarty",
    5: "five fifth fünf fünfte cinq cinquième cinco quinta cinque vijf vijfde fem femte pięć pięciu piąty",
    6: "six sixth sechs sechste sixième seis sexta sei sesta zes zesde sex sjätte sześć sześciu szósty",
    7: "seven seventh sieben siebte sept septième siete séptima sette zeven zevende sete sétima sju sjunde siedem"
    " siódmy siódma",
    8: "eight eighth acht achte huit huitième ocho octava otto ottava achtste oito oitava åtta åttonde osiem ósmy",
    9: "nine ninth neun neunte neuf neuvième nueve novena nove nona negen negende nio nionde dziewięć dziewiąty",
    10: "ten tenth zehn zehnte dix dixième diez décima dieci decima tien tiende dez tio tionde dziesięć dziesiąty",
    11: "eleven eleventh elf elfte onze once undici elva jedenaście",
    12: "twelve twelfth zwölf zwölfte douze doce dodici twaalf doze tolv dwanaście",
    15: "fifteen fünfzehn quinze quince quindici vijftien femton piętnaście",
    20: "twenty zwanzig zwanzigste vingt veinte venti twintig vinte tjugo dwadzieścia",
    30: "thirty dreißig trente treinta trenta dertig trinta trettio trzydzieści",
    40: "forty vierzig quarante cuarenta quaranta veertig quarenta fyrtio czterdzieści",
    50: "fifty half halve halved fünfzig hälfte halb cinquante moitié cincuenta mitad cinquanta metà vijftig helft cinquenta"
    " metade femtio hälften pięćdziesiąt połowa 半分",
    60: "sixty sechzig soixante sesenta sessanta zestig sessenta sextio sześćdziesiąt",
    70: "seventy siebzig setenta settanta zeventig sjuttio siedemdziesiąt",
    80: "eighty achtzig ochenta ottanta tachtig oitenta åttio osiemdziesiąt",
    90: "ninety neunzig noventa novanta negentig nittio dziewięćdziesiąt",
    100: "hundred hundert cent cien ciento cento honderd cem hundra sto",
    1000: "thousand tausend mille mil duizend tusen tysiąc",
}
_SHARES = {
    33: "third drittel tiers tercio terzo derde terço tredjedel trzecia",
    25: "quarter viertel quart cuarto quarto kwart fjärdedel czwarta",
    75: "quarters dreiviertel driekwart",
    20: "fifth fünftel cinquième quinto vijfde femtedel piąta piątą",
    10: "tenth zehntel dixième décimo decimo tiende tiondel",
}
_HUNDREDS = re.compile(r"(\w+)[ -]?(?:hundred|hundert|honderd|hundra|cents?)\b")
_MAX_SHARE = 15
"""A share of less is told in digits."""
_OF = {word: value for value, words in _SPELLED.items() for word in words.split()}
_SHARE_OF = {word: value for value, words in _SHARES.items() for word in words.split()}


def numbers_told(text: str) -> set[str]:
    """The numbers that `text` gives in digits, without marks of thousands, a decimal comma as a point."""
    return {_plain(number) for number in _NUMBER.findall(_IDIOM.sub("", clean(text)))}


def numbers_given(text: str) -> set[str]:
    """The numbers a writer of `text` may tell: those in digits, parts of dates and words too, and those spelled out."""
    spelled = {_OF[word] for word in _WORD.findall(text.casefold()) if word in _OF}
    spelled |= {_OF[word] * 100 for word in _HUNDREDS.findall(text.casefold()) if word in _OF}
    spelled |= {_read_kanji(run) for run in _KANJI.findall(text)}
    parts = {part.lstrip("0") or "0" for part in re.findall(r"\d+", text)}
    return numbers_told(text) | parts | {str(number) for number in spelled}


def percents_given(text: str, told: str) -> set[str]:
    """The percentages in `told` that `text` gives as a share in words: a fifth is 20%, and so is one in five."""
    words = _WORD.findall(text.casefold())
    shares = {str(_SHARE_OF[word]) for word in words if word in _SHARE_OF}
    shares |= {str(way(100 / _OF[word])) for word in words if 1 < _OF.get(word, 0) <= _MAX_SHARE for way in (int, round)}
    return {percent for percent in _PERCENT.findall(told) if percent in shares}


def _plain(number: str) -> str:
    return re.sub(r"[ .,\u00a0\u202f'](?=\d{3}(?!\d))", "", number).replace(",", ".")


def _read_kanji(run: str) -> int:
    """The value of `二百四十`, below ten thousand."""
    value, digit = 0, 0
    for character in run:
        if unit := _KANJI_UNITS.get(character):
            value, digit = value + (digit or 1) * unit, 0
        else:
            digit = _KANJI_DIGITS.index(character)
    return value + digit

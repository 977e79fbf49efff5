"""The language of a text, one of ten, is told by its commonest words; Japanese by its kana.

The rule is for whole sentences. It knows nothing of a text too short to hold two common words, and says so with None.
"""

import re
from collections import Counter

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "sv", "pl", "ja")

_COMMON = {
    "en": "the and of to is are was we you your our for with that this have has it be will not what would from at "
    "by they she he us me my do does can please thank thanks how when who which out about into off on again "
    "been i there no only a an in as all am or if so but more than them their were had could should shall "
    "may might just one any some here let see talk call take most under without know",
    "de": "der die das und ist sind wir sie ihr ihre ihren ihrem ihnen nicht mit für auf den dem des ein eine "
    "einen einer zu im von bei wie wenn ich es wird haben hat auch oder noch nur uns unser danke bitte mich "
    "mir keine kein vom zum zur aus nach als werden kann was wer in so man mehr über hier jetzt schon sehr "
    "aber dass daß ob am ab um euch doch ja nein mal",
    "fr": "le la les des et est sont nous vous votre vos notre nos pas avec pour dans sur une un du au aux ce "
    "cette qui que je il elle ne ou par plus merci être fait avez ont sans ces mais comment quel y quand "
    "chez moi en a à on me se si très bien aussi leur leurs tout tous cela deux non oui ici",
    "es": "el la los las y es son nosotros usted ustedes su sus nuestro nuestra no con para en una un del al que "
    "se por más como lo le les gracias ha han hay pero sin este esta está qué quién cuándo cuánto cómo mi me "
    "ya muy de sobre a e o ni si sí todo toda dos donde entre hasta desde cada uno nos eso hoy aquí",
    "it": "il lo la gli le e è sono noi voi vostro vostra vostri vostre nostro nostra non con per in una un del "
    "della dei delle che si di da al alla nel nella come più grazie ha hanno ma senza questo questa ci vi mi "
    "o chi quando quanto anche cosa ne a ad se me tutto tutti già fa dove quello quella questi suo sua due "
    "sì no dopo prima poi",
    "nl": "de het een en is zijn wij we u uw ons onze niet met voor op van dat die te in er om naar bij hoe als ik "
    "wordt hebben heeft ook of nog maar geen bedankt dank graag mij me wat wie kan worden uit over aan door "
    "jullie zou deze dit a was al zo dan hier daar veel meer moet mag zal ja nee iets alles hun wel af na",
    "pt": "o a os as e é são nós você vocês seu sua seus suas nosso nossa não com para em uma um do da dos das no "
    "na nos nas que se por mais como ao à obrigado obrigada há mas sem este esta isto quem quando quanto me "
    "já muito está foi pelo pela tudo onde até sobre ele ela isso aqui dois só nem pode tem ter lhe vos",
    "sv": "och är det att vi ni er era ert vår våra inte med för på av som en ett den de till har om jag i hur när "
    "vad vem kan ska skulle tack eller men utan från också mig mer så var här oss dem detta se nu kom bara "
    "där alla allt över under dig min mitt sin deras hade vill får då ju",
    "pl": "i w z na jest są się nie do że my państwo państwa państwu panu pani pan nasz nasza nasze dla od po "
    "przez o ale lub jak kiedy kto co czy to ten ta te za tym tego dziękuję proszę mam ma mi mnie bez już "
    "przy nam nas może tylko a u by tu tam jej jego ich nim przed pod oraz więc który która które bardzo tak",
}
# Kindred languages that are not written here, so that none of them is taken for its neighbour.
_NEIGHBOURS = {
    "da": "og er det at vi jeg ikke med for på af som en et den de til har om i fra hvis eller kan skal vil dig os "
    "være så men hvad hvor når der her din jeres vores nu også kun efter meget",
    "cs": "a je se na v že pro jsme jsou není to z s do od by jak ale nebo už vám vás náš naše děkuji prosím který "
    "která co když",
    "ro": "și de la în cu pentru nu este sunt că o un din pe ce care vă noi dumneavoastră mulțumesc mai sau dar ale fi am ați",
    "ca": "i amb per els les una que no és som vostè nosaltres del dels més com si gràcies però aquest aquesta hi "
    "ha seva al un",
}
_LANGUAGES_OF: dict[str, list[str]] = {}
for _language, _words in (_COMMON | _NEIGHBOURS).items():
    for _word in _words.split():
        _LANGUAGES_OF.setdefault(_word, []).append(_language)
_WORD = re.compile(r"[^\W\d_]+")
_KANA = re.compile("[\u3041-\u30ff]")
_MIN_KANA = 3
_MIN_COMMON_WORDS = 2


def language_of(text: str) -> str | None:
    """The language most of the common words of `text` belong to, or None: too few, a tie, or a language not known here."""
    if len(_KANA.findall(text)) >= _MIN_KANA:
        return "ja"
    found: Counter[str] = Counter()
    for word in _WORD.findall(text.casefold()):
        found.update(_LANGUAGES_OF.get(word, ()))
    kindred = max(found.pop(neighbour, 0) for neighbour in _NEIGHBOURS)
    (best, most), (_, next_most) = [*found.most_common(2), ("", 0), ("", 0)][:2]
    return best if most >= max(_MIN_COMMON_WORDS, next_most + 1, kindred) else None

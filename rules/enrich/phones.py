"""Telephone numbers: one spelling, and what kind of line a number names. Numbering plans come from the package `phonenumbers`."""

from __future__ import annotations

from functools import lru_cache

from rules.windows.phone import national_number

# Segments given to virtual carriers and to things that send messages by themselves (numbering plan of the Chinese ministry, YD/T; public lists).
VIRTUAL = ("162", "165", "167", "170", "171")
_THINGS = ("1064", "140", "141", "144", "146", "148", "149")
# A number that begins so may have the code of a carrier in front.
_CARRIER_CODES = ("11", "12", "179")
_SATELLITE = ("1349", "1740", "1749")


def one_phone(text: str) -> str:
    """Eleven digits for a Chinese mobile number, `+` and digits for another readable one; what cannot be read stays as it is."""
    national = national_number(text)
    return national or _international(text) or text.strip()


@lru_cache(maxsize=16_384)
def phone_kind(text: str) -> str | None:
    """`mobile`, `virtual` (a virtual carrier's), `thing` (a machine's), `satellite`, `landline`, `foreign`, or `invalid`. None for what is no number."""
    import phonenumbers as library

    national = national_number(text)
    if national and not national.startswith(_CARRIER_CODES):
        # Eleven digits are what they say; reading them would cost as much as looking up what they are.
        number = library.PhoneNumber(country_code=86, national_number=int(national))
    else:
        try:
            number = library.parse(text if national in (None, "") else national, "CN")
        except library.NumberParseException:
            return None
    # A number is valid when it is of some type.
    kind = library.number_type(number)
    valid = kind != library.PhoneNumberType.UNKNOWN
    if number.country_code != 86:
        return "foreign" if valid else "invalid"
    return _kind_in_china(str(number.national_number), kind == library.PhoneNumberType.MOBILE, valid)


def _kind_in_china(digits: str, mobile: bool, valid: bool) -> str:
    if digits.startswith(_THINGS) and (len(digits) == 13 or not valid):
        return "thing" if len(digits) in (11, 13) else "invalid"
    if digits.startswith(_SATELLITE) and len(digits) == 11:
        return "satellite"
    if not valid:
        return "invalid"
    if mobile:
        return "virtual" if digits.startswith(VIRTUAL) else "mobile"
    return "landline"


@lru_cache(maxsize=16_384)
def _international(text: str) -> str | None:
    import phonenumbers as library

    try:
        number = library.parse(text, "CN")
    except library.NumberParseException:
        return None
    digits = str(number.national_number)
    if number.country_code == 86 and len(digits) == 11 and digits.startswith("1"):
        return digits
    return library.format_number(number, library.PhoneNumberFormat.E164)

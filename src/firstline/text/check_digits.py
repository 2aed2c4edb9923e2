"""Check digits: whether a number can be what it looks like. Every function takes ASCII digits only."""


def luhn(digits: str) -> bool:
    """Whether a card number's check digit is right (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def inn(digits: str) -> bool:
    """Whether the check digits of a Russian taxpayer number, 10 or 12 digits, are right."""
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)

    def check(count: int) -> bool:
        used = weights[len(weights) - count :]
        return sum(w * int(d) for w, d in zip(used, digits, strict=False)) % 11 % 10 == int(digits[count])

    return check(9) if len(digits) == 10 else check(10) and check(11)


def snils(digits: str) -> bool:
    """Whether the check number of a Russian pension insurance number, 11 digits, is right."""
    total = sum((9 - place) * int(digit) for place, digit in enumerate(digits[:9]))
    return total % 101 % 100 == int(digits[9:])


def iban(text: str) -> bool:
    """Whether the length and the check digits of an IBAN without spaces are right (ISO 13616, modulo 97)."""
    moved = text[4:] + text[:4]
    return 15 <= len(text) <= 34 and int("".join(str(int(char, 36)) for char in moved)) % 97 == 1

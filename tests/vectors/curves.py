"""Checks ECDSA over P-256 and Ed25519 signatures, slowly and in plain sight: for published vectors, never for secrets."""

import hashlib

# P-256 (FIPS 186-5, SP 800-186): y^2 = x^3 - 3x + B over the integers modulo P.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def on_p256(point):
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x**3 - 3 * x + B)) % P == 0


def add_p256(left, right):
    """The sum of two points; None is the neutral one."""
    if left is None or right is None:
        return left or right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def times(add, neutral, number, point):
    result = neutral
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def der_numbers(signature):
    """The two integers of a DER sequence, or None."""
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] != len(signature) - 2:
        return None
    numbers, at = [], 2
    while at + 2 <= len(signature) and signature[at] == 2:
        end = at + 2 + signature[at + 1]
        number = signature[at + 2 : end]
        if not number or end > len(signature) or number[0] & 0x80:
            return None
        numbers.append(int.from_bytes(number, "big"))
        at = end
    return numbers if at == len(signature) and len(numbers) == 2 else None


def ecdsa_p256_sha256(public, message, signature):
    """`public`: a SubjectPublicKeyInfo whose point is not compressed, or the point alone."""
    numbers = der_numbers(signature)
    if len(public) < 65 or public[-65] != 4 or numbers is None:
        return False
    point = int.from_bytes(public[-64:-32], "big"), int.from_bytes(public[-32:], "big")
    r, s = numbers
    if not on_p256(point) or not (0 < r < N and 0 < s < N):
        return False
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, -1, N)
    left = times(add_p256, None, digest * inverse % N, G)
    right = times(add_p256, None, r * inverse % N, point)
    found = add_p256(left, right)
    return found is not None and found[0] % N == r


# Ed25519 (RFC 8032): -x^2 + y^2 = 1 + D x^2 y^2 over the integers modulo Q.
Q = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, Q) % Q


def add_edwards(left, right):
    (x1, y1), (x2, y2) = left, right
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, Q)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, Q)
    return x % Q, y % Q


def edwards_point(data):
    """The point that 32 bytes stand for, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= Q:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, Q) % Q
    x = pow(square, (Q + 3) // 8, Q)
    if (x * x - square) % Q:
        x = x * pow(2, (Q - 1) // 4, Q) % Q
    if (x * x - square) % Q or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else Q - x), y


BASE = edwards_point((4 * pow(5, -1, Q) % Q).to_bytes(32, "little"))


def ed25519(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r = edwards_point(public), edwards_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % L
    neutral = (0, 1)
    left = times(add_edwards, neutral, s, BASE)
    right = add_edwards(r, times(add_edwards, neutral, challenge, key))
    return left == right


def elements(der):
    """The elements of DER: for each its kind and content."""
    while der:
        kind, length, at = der[0], der[1], 2
        if length & 0x80:
            at += length & 0x7F
            length = int.from_bytes(der[2:at], "big")
        yield kind, der[at : at + length]
        der = der[at + length :]


def rsa_of_certificate(der):
    """Modulus and exponent of an X.509 certificate."""
    (_, certificate), = elements(der)
    signed = [content for kind, content in elements(next(elements(certificate))[1]) if kind != 0xA0]
    _, key = elements(signed[5])
    (_, pair), = elements(key[1][1:])
    return [int.from_bytes(number, "big") for _, number in elements(pair)]


def rsa_sha256(certificate, message, signature):
    """RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2.2)."""
    modulus, exponent = rsa_of_certificate(certificate)
    length = (modulus.bit_length() + 7) // 8
    if len(signature) != length:
        return False
    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(message).digest()
    due = b"\0\1" + b"\xff" * (length - len(info) - 3) + b"\0" + info
    return pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(length, "big") == due

#!/usr/bin/env python3
"""Works out every published signature anew, with nothing of countersign but its data.

    python3 tests/vectors/recompute.py [--verbose]

Reads published.json and further.json, and how each sender signs from docs/senders.json (or, where a vector has no
preset, from its own `form`). Uses Python's standard library and curves.py beside it. Ends with 1 when a verdict is
another than the file says.
"""

import base64
import binascii
import calendar
import hashlib
import hmac
import json
import pathlib
import re
import sys
import time
import urllib.parse

# No compiled copy beside the vectors.
sys.dont_write_bytecode = True
import curves

HERE = pathlib.Path(__file__).resolve().parent
HASHES = {"SHA1": "sha1", "SHA-1": "sha1", "SHA256": "sha256", "SHA-256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
PUBLIC = {"Ed25519": curves.ed25519, "ECDSA-P256-SHA256": curves.ecdsa_p256_sha256}


class Refused(Exception):
    """Why a request is refused before its signature is compared."""


class Skipped(Exception):
    """Why a vector cannot be recomputed here."""


def digest(algorithm, key, message):
    if algorithm.removeprefix("HMAC-") not in HASHES:
        raise Skipped(algorithm)
    if algorithm.startswith("HMAC-"):
        return hmac.new(key, message, HASHES[algorithm[5:]]).digest()
    return hashlib.new(HASHES[algorithm], message).digest()


def unpadded(text, urlsafe=False):
    """Base64 with or without padding, and with no bits left over, which Python would ignore."""
    text = text.rstrip("=")
    padded = text + "=" * (-len(text) % 4)
    if urlsafe:
        padded = padded.replace("-", "+").replace("_", "/")
    data = base64.b64decode(padded, validate=True)
    if base64.b64encode(data).decode() != padded:
        raise ValueError("bits left over")
    return data


def decoded(text, encoding):
    """A tag, or None where the text is none."""
    try:
        if encoding == "hex":
            return bytes.fromhex(text) if re.fullmatch("[0-9a-fA-F]+", text) else None
        if encoding == "text":
            return text.encode()
        return unpadded(text, encoding == "base64url")
    except (ValueError, binascii.Error):
        return None


def secret_key(vector, form):
    """The key's bytes. A sample secret that is not of the form of real ones is the key itself."""
    text = vector["secret"]
    key = form["key"]
    try:
        if key["format"] == "hex":
            return bytes.fromhex(text)
        if key["format"] == "public" and re.fullmatch("[0-9a-fA-F]{64}", text):
            return bytes.fromhex(text)
        if key["format"] in ("base64", "public"):
            return unpadded(text.removeprefix(key.get("after_prefix", "")))
    except (ValueError, binascii.Error):
        pass
    if key["format"] == "base64" and vector["secret_encoding"] == "base64":
        return unpadded(text)
    return text.encode()


def entries(form, values):
    """The time and the tags, as texts."""
    grammar = form["signature"]["grammar"]
    kind, moment, tags = grammar["kind"], None, []
    for value in values:
        if kind == "bare":
            tags.append(value)
        elif kind in ("prefix", "optional_prefix"):
            if not value.startswith(grammar["prefix"]) and kind == "prefix":
                raise Refused("no prefix")
            tags.append(value.removeprefix(grammar["prefix"]))
        elif kind == "pairs":
            for pair in value.split(grammar["separator"]):
                name, equals, text = pair.lstrip(" ").partition("=")
                if not (name and equals and text):
                    raise Refused("no pairs")
                if name in grammar["tags"]:
                    tags.append(text)
                elif name == form.get("time", {}).get("signature_key"):
                    if moment is not None:
                        raise Refused("two times")
                    moment = text
        elif kind == "versioned":
            for entry in filter(None, value.split(" ")):
                version, comma, text = entry.partition(",")
                if not comma:
                    raise Refused("no version")
                if version in grammar["versions"]:
                    tags.append(text)
        elif kind == "time_then_tags":
            moment, *rest = [entry.lstrip(" ") for entry in value.split(grammar["separator"])]
            tags.extend(rest)
    return moment, tags


def millis(text, unit):
    if unit.startswith("rfc3339"):
        match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?", text)
        if not match:
            raise Refused("no date")
        moment = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S")) * 1000
        moment += int((match[2] or ".0").ljust(4, "0")[1:4])
        if match[3] not in (None, "Z"):
            hours, minutes = match[3][1:].split(":")
            shift = (int(hours) * 60 + int(minutes)) * 60_000
            moment -= shift if match[3][0] == "+" else -shift
        return moment
    if not re.fullmatch("[0-9]{1,20}", text):
        raise Refused("no digits")
    return int(text) * (1 if unit == "milliseconds" else 1000)


def at_pointer(body, pointer):
    value = json.loads(body)
    for step in pointer.split("/")[1:]:
        value = value[step]
    return str(value)


def judge(vector, form, body):
    """Whether the request is to be accepted."""
    signature = form["signature"]
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    names = [name.lower() for name in signature["headers"]]
    if signature["which"] == "numbered":
        values = [headers[name] for name in sorted(headers) if re.fullmatch(re.escape(names[0]) + "[0-9]+", name)]
    else:
        values = [headers[name] for name in names if name in headers]
        if signature["which"] == "first":
            values = values[:1]
    if not values:
        raise Refused("no signature")
    moment, tags = entries(form, values)

    rule = form.get("time")
    if rule:
        if "header" in rule:
            moment = headers.get(rule["header"].lower())
        elif "pointer" in rule:
            try:
                moment = at_pointer(body, rule["pointer"])
            except (ValueError, KeyError, TypeError):
                moment = None
        if moment is None:
            raise Refused("no time")
        age = vector.get("now_unix", 1_700_000_000) * 1000 - millis(moment, rule["unit"])
        past = vector.get("tolerance_s", rule.get("past_seconds"))
        future = rule.get("future_seconds")
        if past is not None and not -future * 1000 <= age <= past * 1000:
            raise Refused("too old, or ahead")

    if form.get("json_body"):
        text = body.strip(b" \t\r\n")
        if not (text[:1] + text[-1:] in (b"{}", b"[]")):
            raise Refused("no JSON")

    def header(name):
        if name.lower() not in headers:
            raise Refused("a signed header is missing")
        return headers[name.lower()].encode()

    def part(name):
        if name == "time":
            return moment.encode()
        if name == "id":
            return header(form["id"]["header"])
        if name == "url":
            return vector["url"].encode()
        if name == "body":
            return body
        if name.startswith("header:"):
            return header(name[7:])
        raise Skipped(name)

    others = [dict(vector, secret=other) for other in vector.get("other_secrets", [])]
    offered = [tag for tag in (decoded(text, signature["encoding"]) for text in tags) if tag]
    for one in [vector, *others]:
        key = secret_key(one, form)
        message = b""
        for literal, name in re.findall(r"([^{]*)(?:\{([^}]*)\})?", form["signed"]):
            message += literal.encode()
            if name:
                message += key if name == "secret" else part(name)
        algorithm = signature["algorithm"]
        if algorithm in PUBLIC:
            made = any(PUBLIC[algorithm](key, message, tag) for tag in offered)
        elif algorithm == "token":
            made = key in offered
        else:
            made = digest(algorithm, key, message) in offered
        if made:
            return True
    return False


# What no scheme says, by the sender's own rules.


def twilio(vector, body):
    url = vector["signed_url"]
    digest_of_body = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).get("bodySHA256")
    if digest_of_body:
        if digest_of_body != [hashlib.sha256(body).hexdigest()]:
            return False
        message = url
    else:
        fields = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
        message = url + "".join(name + value for name, value in sorted(set(fields)))
    due = digest("HMAC-SHA1", vector["secret"].encode(), message.encode())
    return base64.b64encode(due).decode() == vector["headers"]["X-Twilio-Signature"]


def adyen(vector, body):
    (item,) = (outer["NotificationRequestItem"] for outer in json.loads(body)["notificationItems"])
    amount = item.get("amount", {})
    fields = [
        *(item.get(name, "") for name in ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")),
        amount.get("value", ""),
        amount.get("currency", ""),
        item.get("eventCode", ""),
        item.get("success", ""),
    ]
    message = ":".join(str(field) for field in fields)
    due = digest("HMAC-SHA256", bytes.fromhex(vector["secret"]), message.encode())
    return base64.b64encode(due).decode() == item["additionalData"]["hmacSignature"]


def header_of(vector, name):
    return next((value for known, value in vector["headers"].items() if known.lower() == name), "")


def mailgun(vector, body):
    signature = json.loads(body)["signature"]
    if len(signature["timestamp"]) != 10:
        return False
    due = digest("HMAC-SHA256", vector["secret"].encode(), (signature["timestamp"] + signature["token"]).encode())
    return due.hex() == signature["signature"]


def messagebird(vector, body):
    pairs = sorted(vector["query"].split("&"), key=lambda pair: pair.split("=")[0])
    moment = header_of(vector, "messagebird-request-timestamp")
    message = f"{moment}\n{'&'.join(pairs)}\n".encode() + hashlib.sha256(body).digest()
    due = digest("HMAC-SHA256", vector["secret"].encode(), message)
    return base64.b64encode(due).decode() == header_of(vector, "messagebird-signature")


def mandrill(vector, body):
    ((name, value),) = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
    due = digest("HMAC-SHA1", vector["secret"].encode(), (vector["url"] + name + value).encode())
    return base64.b64encode(due).decode() == header_of(vector, "x-mandrill-signature")


def amazon_sns(vector, body):
    fields = json.loads(body)
    if fields["SignatureVersion"] != "2" or fields["TopicArn"] != vector["url"]:
        return False
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    message = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    certificate = base64.b64decode("".join(vector["secret"].splitlines()[1:-1]))
    return curves.rsa_sha256(certificate, message.encode(), base64.b64decode(fields["Signature"]))


def dropbox_sign(vector, body):
    event = json.loads(body)["event"]
    due = digest("HMAC-SHA256", vector["secret"].encode(), (event["event_time"] + event["event_type"]).encode())
    return due.hex() == event["event_hash"]


def plivo(vector, body):
    headers = vector["headers"]
    message = vector["url"] + headers["X-Plivo-Signature-V2-Nonce"]
    due = digest("HMAC-SHA256", vector["secret"].encode(), message.encode())
    return base64.b64encode(due).decode() == headers["X-Plivo-Signature-V2"]


def bare(header, algorithm, prefix="", signed="{body}", key=None):
    grammar = {"kind": "prefix", "prefix": prefix} if prefix else {"kind": "bare"}
    return {
        "signature": {"headers": [header], "which": "one", "grammar": grammar, "algorithm": algorithm, "encoding": "hex"},
        "key": key or {"format": "text"},
        "signed": signed,
    }


CONVOY = bare("X-Convoy-Signature", "HMAC-SHA512", signed="{time},{body}")
CONVOY["signature"]["grammar"] = {"kind": "pairs", "separator": ",", "tags": ["v1"]}
CONVOY["time"] = {"unit": "seconds", "signature_key": "t"}

# By the name of the sender's procedure in `senders.json`.
PROCEDURES = {
    "adyen": adyen,
    "amazon-sns": amazon_sns,
    "mailgun": mailgun,
    "mandrill": mandrill,
    "messagebird": messagebird,
    "twilio-form": twilio,
    "twilio-json": twilio,
}

OWN_RULES = {
    "dropbox-sign": dropbox_sign,
    "plivo": plivo,
    "github-gogithub": lambda vector, body: judge(vector, bare("X-Hub-Signature", "HMAC-SHA1", "sha1="), body),
    "convoy-simple": lambda vector, body: judge(vector, bare("X-Convoy-Signature", "HMAC-SHA512"), body),
    "convoy-advanced": lambda vector, body: judge(vector, CONVOY, body),
}


def verdict(vector, senders):
    body = base64.b64decode(vector["body_b64"]) if "body_b64" in vector else vector.get("body", "").encode()
    try:
        if vector.get("form"):
            return judge(vector, vector["form"], body)
        procedure = senders.get(vector.get("preset"), {}).get("procedure")
        if procedure:
            return PROCEDURES[procedure](vector, body)
        if vector.get("preset"):
            return judge(vector, senders[vector["preset"]], body)
        for begin, rule in OWN_RULES.items():
            if vector["id"].startswith(begin):
                return rule(vector, body)
        raise Skipped("no preset and no form")
    except Refused:
        return False


def main():
    data = json.loads((HERE / "../../docs/senders.json").read_text())
    senders = {sender["name"]: sender for sender in data["senders"]}
    agreed, wrong, skipped = 0, [], {}
    for file in ("published.json", "further.json"):
        for vector in json.loads((HERE / file).read_text()):
            try:
                accepted = verdict(vector, senders)
            except Skipped as why:
                skipped.setdefault(str(why), []).append(vector["id"])
                continue
            due = vector["expect"] == "valid"
            if accepted == due:
                agreed += 1
                if "--verbose" in sys.argv:
                    print(file, vector["id"], vector["expect"])
            else:
                wrong.append(f"{file}: {vector['id']} is {accepted}, and {vector['expect']} is due")
    for why, ids in skipped.items():
        print(f"skipped ({why}): {len(ids)}: {', '.join(ids)}")
    print(f"{agreed} agree, {len(wrong)} do not")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

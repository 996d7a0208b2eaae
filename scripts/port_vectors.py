"""Handshakes between MACsec ports and the keys of their channels, for vectors.py: section 18 of docs/protocol.md."""

import struct
from dataclasses import dataclass

import ml_kem_768
from handshake_vectors import (
    INITIATOR,
    KEM_MESSAGE,
    KEM_SEED,
    NANOSECONDS,
    OK,
    REFUSAL_SPI,
    RESPONDER,
    SUITES,
    Scenario,
    SymmetricState,
    UNIX_SECONDS,
    combine_psk,
    describe_part,
    epoch_secret,
    fixed,
    handshakes,
    hkdf_expand,
    noise_message_1,
    noise_message_2,
    payload_1,
    respond,
    run,
    with_macs,
)

TERMS_DIFFER = 3
PORT_SUITES = {"gcm-aes-128": (1, 16), "gcm-aes-256": (2, 32), "gcm-aes-xpn-128": (3, 16), "gcm-aes-xpn-256": (4, 32)}
PROTECTIONS = {"confidentiality": 1, "integrity": 2}
STATIONS = {"initiator": bytes.fromhex("020000000a01"), "responder": bytes.fromhex("020000000b02")}
PORT_GROUP = bytes.fromhex("0180c2000003")
PORT_ETHERTYPE = bytes.fromhex("88b5")


@dataclass(frozen=True)
class Port:
    """What a node says of its port."""

    node: str
    an: int
    suite: str
    protection: str

    @property
    def station(self):
        return STATIONS[self.node]

    def offer(self):
        suite, _ = PORT_SUITES[self.suite]
        return bytes([self.an, suite, PROTECTIONS[self.protection], 0]) + self.station

    def frame(self, message):
        header = PORT_GROUP + self.station + PORT_ETHERTYPE + b"lv" + struct.pack(">BBH", 1, 0, len(message))
        return (header + message).ljust(60, b"\0")

    def describe(self):
        return {"station": self.station.hex(), "an": self.an, "suite": self.suite, "protection": self.protection}


def sci_of(station, lane):
    return station + struct.pack(">H", lane + 1)


def sak(epoch, suite, hybrid, direction, an, sci):
    number, length = PORT_SUITES[suite]
    info = b"linkveil1 macsec sa" + bytes([number, hybrid, direction, an]) + sci
    material = hkdf_expand(epoch, info, length + 12)
    return {"sak": material[:length].hex(), "salt": material[length:].hex()}


def ssci(direction, sci):
    return direction << 16 | struct.unpack(">H", sci[6:])[0]


def run_on_port(scenario, initiator, responder):
    """As `run`, between ports."""
    encapsulation_key = ml_kem_768.encapsulation_key(KEM_SEED) if scenario.offers_kem else b""
    psk = combine_psk(scenario.psk_a, scenario.psk_b)
    state = SymmetricState(scenario.suite, b"linkveil1 macsec" + PORT_ETHERTYPE + initiator.station)
    first = initiator.offer() + payload_1(INITIATOR, encapsulation_key)
    noise = noise_message_1(state, INITIATOR, RESPONDER, first)
    initiation = with_macs(struct.pack(">II", 1 << 24, INITIATOR.spi) + noise, RESPONDER)
    second, spi, shared = respond(scenario, encapsulation_key)
    second = responder.offer() + second
    noise = noise_message_2(state, INITIATOR, RESPONDER, psk, second)
    response = with_macs(struct.pack(">III", 2 << 24, spi, INITIATOR.spi) + noise, INITIATOR)
    vector = {
        "name": scenario.name,
        "noise_suite": scenario.suite.name,
        "policy": scenario.initiator_policy,
        "psk_a": describe_part(scenario.psk_a),
        "status": scenario.refusal,
        "initiator": initiator.describe(),
        "responder": responder.describe(),
        "initiation": initiator.frame(initiation).hex(),
        "response": responder.frame(response).hex(),
    }
    if scenario.refusal == OK:
        k1, k2 = state.hkdf(b"", 2)
        epoch = epoch_secret(state.h, k1, k2, shared)
        vector["fingerprint"] = hkdf_expand(epoch, b"linkveil1 fingerprint", 8).hex()
        vector["keys"] = port_keys(epoch, scenario.hybrid, initiator, responder)
    return vector


def port_keys(epoch, hybrid, initiator, responder):
    """The sender's channels under the association that the receiver named."""
    keys = []
    for direction, sender, receiver, lanes in ((1, initiator, responder, (0, 3)), (2, responder, initiator, (0, 63))):
        for lane in lanes:
            sci = sci_of(sender.station, lane)
            derived = sak(epoch, sender.suite, hybrid, direction, receiver.an, sci)
            about = {"direction": direction, "lane": lane, "an": receiver.an, "sci": sci.hex()}
            keys.append(about | {"ssci": ssci(direction, sci)} | derived)
    return keys


def handshakes():
    vectors = []
    number = 0
    for suite in SUITES:
        for terms in PORT_SUITES:
            protection = "integrity" if number % 3 == 1 else "confidentiality"
            policy = "off" if number % 4 == 3 else "required"
            number += 1
            name = f"{suite.name}, {terms}"
            scenario = Scenario(name, suite, policy, policy, psk_a=fixed("psk part a"))
            ports = Port("initiator", number % 4, terms, protection), Port("responder", (number + 2) % 4, terms, protection)
            vectors.append(run_on_port(scenario, *ports))
    differ = Scenario("terms differ", SUITES[0], "required", "required", refusal=TERMS_DIFFER)
    ports = Port("initiator", 2, "gcm-aes-128", "integrity"), Port("responder", 0, "gcm-aes-xpn-256", "confidentiality")
    vectors.append(run_on_port(differ, *ports))
    return {
        "node_initiator": INITIATOR.describe(),
        "node_responder": RESPONDER.describe(),
        "timestamp": {"unix_seconds": UNIX_SECONDS, "nanoseconds": NANOSECONDS},
        "kem_seed": KEM_SEED.hex(),
        "kem_message": KEM_MESSAGE.hex(),
        "refusal_spi": REFUSAL_SPI,
        "handshakes": vectors,
    }


def saks():
    handshake_hash, k1, k2, shared = (fixed(f"sak {name}") for name in ("hash", "k1", "k2", "shared"))
    vectors = []
    for hybrid in (0, 1):
        epoch = epoch_secret(handshake_hash, k1, k2, shared if hybrid else b"")
        for suite in PORT_SUITES:
            for direction in (1, 2):
                for an, lane in ((0, 0), (1, 0), (3, 63)):
                    sci = sci_of(STATIONS["initiator"], lane)
                    about = {"hybrid": bool(hybrid), "suite": suite, "direction": direction, "an": an, "lane": lane}
                    name = {"sci": sci.hex(), "ssci": ssci(direction, sci)}
                    vectors.append(about | name | sak(epoch, suite, hybrid, direction, an, sci))
    return {
        "station": STATIONS["initiator"].hex(),
        "handshake_hash": handshake_hash.hex(),
        "k1": k1.hex(),
        "k2": k2.hex(),
        "shared_secret": shared.hex(),
        "keys": vectors,
    }

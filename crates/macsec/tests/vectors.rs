//! Frames that others made: the figures of the standard, and every form of frame from an independent
//! implementation (`scripts/macsec_vectors.py`).

use linkveil_crypto::AesKey;
use linkveil_macsec::{
    CipherSuite, PortMtu, Protection, ReplayProtect, RxPolicy, RxSak, RxSecy, SaTerms, Sak, Salt,
    TxConfig, TxForm, TxSak, TxSc, Validate, WindowSize,
};
use linkveil_wire::sectag::{PnWidth, SciForm, TaggedFrame, UserData};
use linkveil_wire::{An, PacketNumber, PortId, Sci, Ssci};
use serde_json::Value;

/// One frame with everything that goes into it.
struct Vector {
    name: String,
    suite: CipherSuite,
    protection: Protection,
    sci: Sci,
    an: An,
    number: PacketNumber,
    key: Vec<u8>,
    /// Of XPN suites.
    salt: Option<([u8; 12], Ssci)>,
    plain: Vec<u8>,
    secured: Vec<u8>,
    /// The secured frame as the medium delivers it.
    received: Vec<u8>,
}

fn read(name: &str, list: &str) -> Vec<Value> {
    let path = format!("{}/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file[list].as_array().unwrap().clone()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn salt(json: &Value) -> Option<([u8; 12], Ssci)> {
    let ssci = json.get("ssci")?;
    let ssci = Ssci::new(u32::from_be_bytes(array(ssci)));
    Some((array(&json["salt"]), ssci))
}

fn protection(name: &Value) -> Protection {
    match name.as_str().unwrap() {
        "confidentiality" => Protection::Confidentiality,
        "integrity" => Protection::Integrity,
        other => panic!("unknown protection {other}"),
    }
}

/// The figures give frames; channel, association and number are read from these.
fn figures() -> Vec<Vector> {
    let read_figure = |json: &Value| {
        let secured = bytes(&json["secured_frame"]);
        let tagged = TaggedFrame::parse(&secured, PnWidth::Bits64).unwrap();
        let high = json.get("pn_high");
        let high = high.map_or(0, |high| u64::from(u32::from_be_bytes(array(high))));
        let low = u64::from(tagged.tag().pn.get());
        Vector {
            name: format!("{} {}", json["suite"], json["mode"]),
            suite: json["suite"].as_str().unwrap().parse().unwrap(),
            protection: protection(&json["mode"]),
            sci: tagged.tag().sci.sci(tagged.source()).unwrap(),
            an: tagged.tag().an,
            number: PacketNumber::new(high << 32 | low),
            key: bytes(&json["key"]),
            salt: salt(json),
            plain: bytes(&json["plain_frame"]),
            received: secured.clone(),
            secured,
        }
    };
    let figures = read("ieee-802.1ae-annex-c.json", "vectors");
    figures.iter().map(read_figure).collect()
}

fn forms() -> Vec<Vector> {
    let read_form = |json: &Value| Vector {
        name: json["name"].as_str().unwrap().to_owned(),
        suite: json["suite"].as_str().unwrap().parse().unwrap(),
        protection: protection(&json["protect"]),
        sci: Sci::from_bytes(array(&json["sci"])),
        an: An::new(u8::try_from(json["an"].as_u64().unwrap()).unwrap()).unwrap(),
        number: PacketNumber::new(json["pn"].as_u64().unwrap()),
        key: bytes(&json["key"]),
        salt: salt(json),
        plain: bytes(&json["plain_frame"]),
        secured: bytes(&json["secured_frame"]),
        received: bytes(&json["received_frame"]),
    };
    read("forms.json", "forms").iter().map(read_form).collect()
}

impl Vector {
    fn sak(&self) -> Sak {
        let key = AesKey::copy_from(&self.key).unwrap();
        let made = match self.salt {
            None => Sak::new(self.suite, self.sci, key),
            Some((salt, ssci)) => {
                Sak::extended(self.suite, (self.sci, ssci), key, &Salt::new(salt))
            }
        };
        made.unwrap()
    }

    fn terms(&self) -> SaTerms {
        SaTerms {
            first_pn: self.number,
            ..SaTerms::of(self.suite)
        }
    }

    fn tagged(&self) -> TaggedFrame {
        TaggedFrame::parse(&self.secured, self.suite.pn_width()).unwrap()
    }

    /// How a sender of ours names the channel; `None` for what only others send.
    fn form(&self) -> Option<TxForm> {
        match self.tagged().tag().sci {
            SciForm::Explicit(_) => Some(TxForm::Explicit),
            SciForm::EndStation => Some(TxForm::EndStation),
            SciForm::PointToPoint => Some(TxForm::PointToPoint),
            SciForm::SingleCopyBroadcast | SciForm::EndStationBroadcast => None,
        }
    }

    fn receiver(&self) -> RxSecy {
        let policy = RxPolicy {
            validate: Validate::Strict,
            replay_protect: ReplayProtect::On,
            window: WindowSize::ZERO,
        };
        let mut rx = RxSecy::new(self.suite, policy);
        rx.add_channel(self.sci).unwrap();
        rx.install(self.an, RxSak::new(self.sak(), self.terms()).unwrap())
            .unwrap();
        rx
    }

    fn assert_opens(&self) {
        for frame in [&self.secured, &self.received] {
            let mut rx = self.receiver();
            let (mut frame, mut again) = (frame.clone(), frame.clone());
            let delivered = rx.validate(&mut frame).expect(&self.name);
            assert!(delivered.is_authentic());
            assert_eq!(delivered.into_frame(), self.plain, "{}", self.name);
            assert!(rx.validate(&mut again).is_err(), "{}", self.name);
        }
    }

    fn assert_seals(&self, form: TxForm) {
        let config = TxConfig {
            suite: self.suite,
            sci: self.sci,
            form,
            protection: self.protection,
            mtu: PortMtu::new(1_500),
        };
        let mut tx = TxSc::new(config).unwrap();
        let sak = TxSak::new(self.sak(), self.terms()).unwrap();
        tx.install(self.an, sak).unwrap();
        assert!(tx.encode_with(self.an));
        let mut frame = vec![0; tx.headroom()];
        frame.extend_from_slice(&self.plain);
        frame.resize(self.plain.len() + tx.overhead(), 0);
        assert_eq!(tx.protect(&mut frame), Ok(self.number), "{}", self.name);
        assert_eq!(
            hex::encode(frame),
            hex::encode(&self.secured),
            "{}",
            self.name
        );
    }
}

#[test]
fn the_files_cover_what_they_should() {
    let (figures, forms) = (figures(), forms());
    assert_eq!(figures.len(), 16);
    for suite in CipherSuite::ALL {
        for protection in [Protection::Confidentiality, Protection::Integrity] {
            let of = |vector: &&Vector| (vector.suite, vector.protection) == (suite, protection);
            assert_eq!(figures.iter().filter(of).count(), 2);
            let forms: Vec<_> = forms.iter().filter(of).collect();
            let implied = forms
                .iter()
                .filter(|vector| vector.tagged().secure_data().start == 20);
            assert_eq!(implied.count(), 18);
            let has = |wanted: fn(&Vector) -> bool| forms.iter().any(|vector| wanted(vector));
            assert!(has(|vector| vector.form() == Some(TxForm::EndStation)));
            assert!(has(|vector| vector.form() == Some(TxForm::PointToPoint)));
            assert!(has(|vector| vector.form().is_none()));
            assert!(has(|vector| vector.received.len() > vector.secured.len()));
            for len in [2, 47, 48, 49] {
                assert!(forms.iter().any(|vector| vector.plain.len() == 12 + len));
            }
        }
    }
    let port_of = |vector: &Vector| (vector.form(), vector.sci.port());
    let broadcast = (None, PortId::SINGLE_COPY_BROADCAST);
    assert!(forms.iter().map(port_of).any(|found| found == broadcast));
}

// REQ-SECY-5, REQ-SECY-6
#[test]
fn every_figure_of_annex_c_is_sealed_and_opened() {
    for vector in figures() {
        vector.assert_opens();
        vector.assert_seals(vector.form().unwrap());
    }
}

// REQ-SECY-1, REQ-SECY-2, REQ-SECY-3, REQ-SECY-5, REQ-SECY-6
#[test]
fn every_form_is_sealed_and_opened() {
    let mut sealed = 0;
    for vector in forms() {
        vector.assert_opens();
        if let Some(form) = vector.form() {
            vector.assert_seals(form);
            sealed += 1;
        }
    }
    assert_eq!(sealed, 4 * 2 * 3 * 6);
}

// REQ-SECY-6
#[test]
fn the_bits_of_a_figure_say_what_was_done() {
    for vector in figures().iter().chain(&forms()) {
        let user_data = vector.tagged().tag().user_data;
        let wanted = match vector.protection {
            Protection::Confidentiality => UserData::Encrypted,
            Protection::Integrity => UserData::Unchanged,
        };
        assert_eq!(user_data, wanted);
        let data = vector.tagged().secure_data().clone();
        let in_clear = vector.secured[data] == vector.plain[12..];
        assert_eq!(in_clear, vector.protection == Protection::Integrity);
    }
}

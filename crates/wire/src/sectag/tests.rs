use super::*;
use crate::PacketNumber;
use proptest::prelude::*;

const DESTINATION: [u8; 6] = [0xe2, 0x01, 0x06, 0xd7, 0xcd, 0x0d];
const SOURCE: MacAddr = MacAddr::new([0xf0, 0x76, 0x1e, 0x8d, 0xcd, 0x3d]);
const SCI: Sci = Sci::new(SOURCE, PortId::new(0x1234));
/// Where the octet with TCI and AN is.
const TCI_AT: usize = 14;
const SL_AT: usize = 15;

fn tag(sci: SciForm, secure_data_len: usize) -> SecTag {
    SecTag {
        an: An::ALL[2],
        sci,
        user_data: UserData::Encrypted,
        short_length: ShortLength::of(secure_data_len),
        pn: PnField::new(0x0102_0304),
    }
}

fn frame(tag: &SecTag, secure_data_len: usize) -> Vec<u8> {
    let mut frame = [DESTINATION, SOURCE.octets()].concat();
    frame.extend_from_slice(tag.emit().as_ref());
    frame.resize(frame.len() + secure_data_len, 0xda);
    frame.resize(frame.len() + ICV_LEN, 0x1c);
    frame
}

fn parse(frame: &[u8]) -> Result<TaggedFrame, SecTagError> {
    TaggedFrame::parse(frame, PnWidth::Bits32)
}

fn all_forms() -> [SciForm; 5] {
    [
        SciForm::Explicit(SCI),
        SciForm::EndStation,
        SciForm::SingleCopyBroadcast,
        SciForm::EndStationBroadcast,
        SciForm::PointToPoint,
    ]
}

// REQ-SECY-1
#[test]
fn the_octets_are_those_of_the_standard() {
    // TCI: SC, E, C and AN 2; SL 42.
    let bytes = tag(SciForm::Explicit(SCI), 42).emit();
    assert_eq!(
        hex::encode(bytes.as_ref()),
        "88e52e2a01020304f0761e8dcd3d1234"
    );
    let tci = |sci, user_data| {
        let tag = SecTag {
            user_data,
            ..tag(sci, 48)
        };
        assert_eq!(tag.emit().as_ref().len(), 8);
        assert_eq!(tag.emit().as_ref()[3], 0, "48 octets are not short");
        tag.emit().as_ref()[2]
    };
    assert_eq!(tci(SciForm::EndStation, UserData::Encrypted), 0x4e);
    assert_eq!(tci(SciForm::SingleCopyBroadcast, UserData::Changed), 0x16);
    assert_eq!(tci(SciForm::EndStationBroadcast, UserData::Unchanged), 0x52);
    assert_eq!(tci(SciForm::PointToPoint, UserData::Unchanged), 0x02);
}

// REQ-SECY-1, REQ-SECY-2
#[test]
fn a_frame_is_read_back_with_the_places_of_its_parts() {
    for form in all_forms() {
        for len in [1, 2, 47, 48, 49, 1_500, 9_000] {
            let tag = tag(form, len);
            let frame = frame(&tag, len);
            let parsed = parse(&frame).unwrap();
            assert_eq!(*parsed.tag(), tag);
            assert_eq!(parsed.source(), SOURCE);
            assert_eq!(parsed.secure_data().len(), len);
            assert!(
                frame[parsed.secure_data().clone()]
                    .iter()
                    .all(|b| *b == 0xda)
            );
            assert_eq!(parsed.secure_data().end + ICV_LEN, frame.len());
        }
    }
}

// REQ-SECY-3
#[test]
fn a_channel_is_named_by_the_tag_the_source_or_the_receiver() {
    let named = |form: SciForm| form.sci(SOURCE).map(|sci| sci.to_string());
    assert_eq!(named(SciForm::Explicit(SCI)).unwrap(), "f0761e8dcd3d1234");
    assert_eq!(named(SciForm::EndStation).unwrap(), "f0761e8dcd3d0001");
    for form in [SciForm::SingleCopyBroadcast, SciForm::EndStationBroadcast] {
        assert_eq!(named(form).unwrap(), "f0761e8dcd3d0000");
    }
    assert_eq!(named(SciForm::PointToPoint), None);
}

// REQ-SECY-2
#[test]
fn each_fault_of_a_tag_is_named() {
    let good = frame(&tag(SciForm::Explicit(SCI), 60), 60);
    let with = |at: usize, xor: u8| {
        let mut frame = good.clone();
        frame[at] ^= xor;
        parse(&frame).map(|_| ())
    };
    assert_eq!(with(TCI_AT, 0), Ok(()));
    assert_eq!(with(12, 1), Err(SecTagError::NotTagged));
    assert_eq!(with(13, 1), Err(SecTagError::NotTagged));
    assert_eq!(with(TCI_AT, C), Err(SecTagError::Uncontrolled));
    assert_eq!(with(TCI_AT, VERSION), Err(SecTagError::Version));
    assert_eq!(with(TCI_AT, ES), Err(SecTagError::AmbiguousSci));
    assert_eq!(with(TCI_AT, SCB), Err(SecTagError::AmbiguousSci));
    assert_eq!(with(TCI_AT, ES | SCB), Err(SecTagError::AmbiguousSci));
    assert_eq!(with(SL_AT, 0x40), Err(SecTagError::ReservedBits));
    assert_eq!(with(SL_AT, 0x80), Err(SecTagError::ReservedBits));
    assert_eq!(with(SL_AT, 59), Err(SecTagError::Length));
    assert_eq!(with(SL_AT, 60), Ok(()), "9.12 does not forbid it");
}

// REQ-SECY-2
#[test]
fn number_zero_is_for_extended_numbers_only() {
    let zero = SecTag {
        pn: PnField::new(0),
        ..tag(SciForm::EndStation, 60)
    };
    let frame = frame(&zero, 60);
    assert_eq!(parse(&frame), Err(SecTagError::ZeroPn));
    assert!(TaggedFrame::parse(&frame, PnWidth::Bits64).is_ok());
}

// REQ-SECY-2
#[test]
fn a_frame_that_ends_early_is_refused_at_every_length() {
    for form in all_forms() {
        for len in [1, 47, 48, 60] {
            let whole = frame(&tag(form, len), len);
            for end in 0..whole.len() {
                let wanted = match end {
                    0..14 => SecTagError::Runt,
                    14..29 => SecTagError::Truncated,
                    // More than 48 octets of secure data say nothing about their length.
                    _ if len > 48 && end >= whole.len() - 12 => continue,
                    // What is missing would be padding.
                    _ => SecTagError::Length,
                };
                assert_eq!(parse(&whole[..end]), Err(wanted), "{form:?} {len} {end}");
            }
        }
    }
}

// REQ-SECY-2
#[test]
fn a_short_length_is_exact_but_for_the_padding_of_the_least_frame() {
    for form in all_forms() {
        for len in 1..48 {
            let tag = tag(form, len);
            let exact = frame(&tag, len);
            for total in exact.len()..exact.len() + 60 {
                let mut padded = exact.clone();
                padded.resize(total, 0);
                let wanted = if total == exact.len() || total == MIN_FRAME_LEN {
                    Ok(len)
                } else {
                    Err(SecTagError::Length)
                };
                let found = parse(&padded).map(|frame| frame.secure_data().len());
                assert_eq!(found, wanted, "{form:?} {len} {total}");
            }
        }
    }
}

// REQ-SECY-2
#[test]
fn less_than_48_octets_need_a_short_length() {
    for form in all_forms() {
        for len in 0..48 {
            let long = SecTag {
                short_length: ShortLength(0),
                ..tag(form, len)
            };
            let frame = frame(&long, len);
            let error = parse(&frame).unwrap_err();
            let truncated = frame.len() < 29;
            assert_eq!(error == SecTagError::Truncated, truncated);
            assert_eq!(error == SecTagError::Length, !truncated);
        }
    }
}

#[test]
fn identifiers_keep_their_ranges() {
    assert_eq!(An::new(3), Some(An::ALL[3]));
    assert_eq!(An::new(4), None);
    assert_eq!(An::ALL.map(An::successor).map(An::get), [1, 2, 3, 0]);
    assert_eq!(SCI.address(), SOURCE);
    assert_eq!(SCI.port(), PortId::new(0x1234));
    assert_eq!(Sci::from_bytes(SCI.to_bytes()), SCI);
    assert_eq!(format!("{SCI:?}"), "Sci(f0761e8dcd3d1234)");
    assert_eq!(Ssci::new(0x7a30_c118).to_string(), "7a30c118");
    let field = PnField::of(PacketNumber::new(0x1_0000_0002));
    assert_eq!(field, PnField::new(2));
}

fn form() -> impl Strategy<Value = SciForm> {
    prop_oneof![
        any::<[u8; 8]>().prop_map(|sci| SciForm::Explicit(Sci::from_bytes(sci))),
        prop::sample::select(all_forms().to_vec()),
    ]
}

proptest! {
    // REQ-SECY-1
    #[test]
    fn any_tag_is_read_as_it_was_written(
        (form, an, pn) in (form(), 0..4_usize, 1..=u32::MAX),
        user_data in prop::sample::select(vec![
            UserData::Unchanged, UserData::Changed, UserData::Encrypted,
        ]),
        len in 1..2_000_usize,
    ) {
        let tag = SecTag {
            an: An::ALL[an],
            sci: form,
            user_data,
            short_length: ShortLength::of(len),
            pn: PnField::new(pn),
        };
        let parsed = parse(&frame(&tag, len)).unwrap();
        prop_assert_eq!(*parsed.tag(), tag);
        prop_assert_eq!(parsed.secure_data().len(), len);
    }

    // REQ-SECY-2
    #[test]
    fn what_is_accepted_is_within_the_frame_and_written_the_same_way(
        mut bytes in prop::collection::vec(any::<u8>(), 14..200),
        tagged in any::<bool>(),
    ) {
        if tagged {
            bytes[12..14].copy_from_slice(&MACSEC_ETHERTYPE.0.to_be_bytes());
        }
        for width in [PnWidth::Bits32, PnWidth::Bits64] {
            if let Ok(parsed) = TaggedFrame::parse(&bytes, width) {
                let data = parsed.secure_data().clone();
                prop_assert!(!data.is_empty() && data.end + ICV_LEN <= bytes.len());
                let emitted = parsed.tag().emit();
                prop_assert_eq!(emitted.as_ref(), &bytes[12..data.start]);
            }
        }
    }
}

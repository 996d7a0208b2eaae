use super::*;
use tempfile::TempDir;

const BLOCK: u64 = 100;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("trunk.pn")
    }

    fn open(&self, terms: &PnTerms) -> Result<(PnFile, PacketNumber), PnFileError> {
        PnFile::open(&self.file(), &self.0.path().join("state"), terms)
    }

    fn refusal(&self, terms: &PnTerms) -> String {
        let text = self.open(terms).unwrap_err().to_string();
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn terms(id: u8) -> PnTerms {
    PnTerms {
        space: NonceSpace {
            id: [id; 16],
            origin: [id.wrapping_add(100); 16],
        },
        first: PacketNumber::FIRST,
        last: PacketNumber::new(u32::MAX.into()),
        reuse: PnReuse::Refused,
    }
}

fn pn(number: u64) -> PacketNumber {
    PacketNumber::new(number)
}

// REQ-SECY-25
#[test]
fn a_restart_begins_above_everything_that_was_reserved() {
    let place = Place::new();
    for run in 0..5 {
        let (mut file, first) = place.open(&terms(1)).unwrap();
        assert_eq!(first, pn(1 + run * 2 * BLOCK));
        let once = file.reserve_through(pn(first.get() + BLOCK - 1)).unwrap();
        let twice = file.reserve_through(pn(once.get() + BLOCK)).unwrap();
        assert_eq!(twice, pn((run + 1) * 2 * BLOCK));
    }
}

// REQ-SECY-25
#[test]
fn less_than_was_reserved_takes_nothing_back() {
    let place = Place::new();
    let (mut file, _) = place.open(&terms(1)).unwrap();
    file.reserve_through(pn(500)).unwrap();
    assert_eq!(file.reserve_through(pn(100)).unwrap(), pn(500));
    drop(file);
    assert_eq!(place.open(&terms(1)).unwrap().1, pn(501));
}

#[test]
fn the_configuration_may_begin_higher_and_never_lower() {
    let place = Place::new();
    let high = PnTerms {
        first: pn(1_000),
        ..terms(1)
    };
    let (mut file, first) = place.open(&high).unwrap();
    assert_eq!(first, pn(1_000));
    file.reserve_through(pn(1_099)).unwrap();
    drop(file);
    assert_eq!(place.open(&terms(1)).unwrap().1, pn(1_100));
}

#[test]
fn each_key_has_numbers_of_its_own_and_keeps_them() {
    let place = Place::new();
    for (id, through) in [(1, 300), (2, 200)] {
        let (mut file, first) = place.open(&terms(id)).unwrap();
        assert_eq!(first, pn(1));
        file.reserve_through(pn(through)).unwrap();
    }
    assert_eq!(place.open(&terms(1)).unwrap().1, pn(301));
    assert_eq!(place.open(&terms(2)).unwrap().1, pn(201));
}

// REQ-SECY-25
#[test]
fn a_known_key_without_its_file_is_refused() {
    let place = Place::new();
    let (mut file, _) = place.open(&terms(1)).unwrap();
    file.reserve_through(pn(1)).unwrap();
    drop(file);
    fs::remove_file(place.file()).unwrap();
    assert_eq!(
        place.refusal(&terms(1)),
        "state_file trunk.pn: it has no numbers of the tx key, which was used before; use a new key: a file from a backup may be behind"
    );
    assert_eq!(place.open(&terms(2)).unwrap().1, pn(1));
    let unsafely = PnTerms {
        reuse: PnReuse::Unsafe,
        ..terms(1)
    };
    assert_eq!(place.open(&unsafely).unwrap().1, pn(1));
}

// REQ-SECY-25
#[test]
fn numbers_that_were_lost_stay_lost_when_they_were_used_again_on_purpose() {
    let place = Place::new();
    let (mut file, _) = place.open(&terms(1)).unwrap();
    file.reserve_through(pn(1_000)).unwrap();
    drop(file);
    fs::remove_file(place.file()).unwrap();
    let unsafely = PnTerms {
        reuse: PnReuse::Unsafe,
        ..terms(1)
    };
    let (mut file, first) = place.open(&unsafely).unwrap();
    assert_eq!(first, pn(1));
    assert_eq!(file.reserve_through(pn(BLOCK)).unwrap(), pn(BLOCK));
    drop(file);
    assert!(matches!(
        place.open(&terms(1)),
        Err(PnFileError::Forgotten { .. })
    ));
    // Where they are known, those are counted that are used on purpose.
    let (mut file, _) = place.open(&terms(2)).unwrap();
    file.reserve_through(pn(BLOCK)).unwrap();
    drop(file);
    let unsafely = PnTerms {
        reuse: PnReuse::Unsafe,
        ..terms(2)
    };
    let (mut file, _) = place.open(&unsafely).unwrap();
    file.reserve_through(pn(2 * BLOCK)).unwrap();
    drop(file);
    assert_eq!(place.open(&terms(2)).unwrap().1, pn(2 * BLOCK + 1));
}

// REQ-SECY-25
#[test]
fn gateways_that_start_at_once_remember_all_their_keys_and_share_none() {
    const GATEWAYS: u8 = 8;
    for _ in 0..20 {
        let place = Place::new();
        let state = place.0.path().join("state");
        let open = |name: u8, id: u8| {
            let file = place.0.path().join(format!("{name}.pn"));
            PnFile::open(&file, &state, &terms(id)).is_ok()
        };
        // Each has a file and a key of its own; besides, each would like to have the same one.
        let shared = std::thread::scope(|scope| {
            let starts = (0..GATEWAYS).map(|name| {
                let open = &open;
                scope.spawn(move || {
                    assert!(open(name, name));
                    open(name + 100, 99)
                })
            });
            let starts: Vec<_> = starts.collect();
            let shared = starts.into_iter().map(|start| start.join().unwrap());
            shared.filter(|got| *got).count()
        });
        assert_eq!(shared, 1);
        let known = fs::read_to_string(state.join(USED_KEYS)).unwrap();
        assert_eq!(known.lines().count(), usize::from(GATEWAYS) + 1, "{known}");
    }
}

// REQ-SECY-25
#[test]
fn a_key_with_another_salt_is_refused() {
    let place = Place::new();
    let (mut file, _) = place.open(&terms(1)).unwrap();
    file.reserve_through(pn(1)).unwrap();
    drop(file);
    let mut other = terms(1);
    other.space.origin = [9; 16];
    assert!(matches!(place.open(&other), Err(PnFileError::OtherSalt)));
}

// REQ-SECY-25
#[test]
fn two_at_once_are_refused() {
    let place = Place::new();
    let (file, _) = place.open(&terms(1)).unwrap();
    assert!(matches!(
        place.open(&terms(1)),
        Err(PnFileError::Busy { .. })
    ));
    drop(file);
    assert!(place.open(&terms(1)).is_ok());
}

#[test]
fn numbers_end_with_the_suites_last() {
    let place = Place::new();
    let (mut file, _) = place.open(&terms(1)).unwrap();
    let last = pn(u32::MAX.into());
    assert_eq!(file.reserve_through(pn(u64::MAX)).unwrap(), last);
    drop(file);
    assert!(matches!(place.open(&terms(1)), Err(PnFileError::Exhausted)));
    let extended = PnTerms {
        last: pn(u64::MAX),
        ..terms(2)
    };
    let (mut file, _) = place.open(&extended).unwrap();
    assert_eq!(file.reserve_through(pn(u64::MAX)).unwrap(), pn(u64::MAX));
    drop(file);
    assert!(matches!(place.open(&extended), Err(PnFileError::Exhausted)));
}

#[test]
fn what_is_no_such_file_is_refused_with_its_line() {
    let place = Place::new();
    let id = "01".repeat(16);
    let wrong = [
        ("", 1),
        ("# only a comment\n", 1),
        ("linkveil-pn 2\n", 1),
        ("linkveil-pn 1\nzz\n", 2),
        (&format!("linkveil-pn 1\n# c\n{id} {id} -1\n"), 3),
        (&format!("linkveil-pn 1\n{id} {id} 1 2\n"), 2),
        (&format!("linkveil-pn 1\n{id} {id} 1\n{id} {id} 2\n"), 3),
        (
            &format!("linkveil-pn 1\n{id} {id} 99999999999999999999\n"),
            2,
        ),
    ];
    for (text, line) in wrong {
        fs::write(place.file(), text).unwrap();
        let found = place.open(&terms(1)).unwrap_err();
        assert!(
            matches!(found, PnFileError::Malformed { line: at, .. } if at == line),
            "{text:?}: {found}"
        );
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let place = Place::new();
    let missing = place.0.path().join("nowhere/trunk.pn");
    let error = PnFile::open(&missing, place.0.path(), &terms(1)).unwrap_err();
    assert!(error.to_string().contains("nowhere/trunk.pn"), "{error}");
}

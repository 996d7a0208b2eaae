use super::*;
use linkveil_net::clock;

/// Recorded from a program that was named to be awkward.
const STAT: &str = "4242 (a b) c) S 1 4242 4242 0 -1 4194560 5104 0 0 0 731 269 0 0 20 0 5 0 1041 99 7 18446744073709551615";
const STATUS: &str = "Name:\tlinkveil\nVmPeak:\t  90000 kB\nVmRSS:\t   20480 kB\nRssAnon:\t 1 kB\n";

#[test]
fn times_are_read_behind_the_programs_name() {
    assert_eq!(cpu_seconds(STAT), Some(10.0));
    assert_eq!(cpu_seconds("4242 (short) S 1"), None);
    assert_eq!(cpu_seconds(""), None);
}

#[test]
fn memory_is_what_is_resident() {
    assert_eq!(resident_mebibytes(STATUS), Some(20.0));
    assert_eq!(resident_mebibytes("Name:\tkthread\n"), None);
}

/// `None`: entering even one's own namespace takes privileges, which are not there.
fn here(script: &str, folder: &Path) -> Option<Process> {
    let start = Start {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        folder,
        name: "sh".to_owned(),
    };
    let netns = Netns::current().unwrap();
    match Process::start(&netns, &start) {
        Err(NetError::Netns(_)) => None,
        started => Some(started.unwrap()),
    }
}

#[test]
fn a_process_is_ended_with_its_value_even_if_it_will_not_go() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
    let Some(stubborn) = here(script, folder.path()) else {
        assert!(
            !rustix::process::geteuid().is_root(),
            "root may enter its namespace"
        );
        return;
    };
    let begin = clock::now();
    while !stubborn.output().contains("ready") {
        assert!(clock::now() - begin < Duration::from_secs(20));
        std::thread::yield_now();
    }
    let stat = format!("/proc/{}/stat", stubborn.child.id());
    assert!(stubborn.cpu_seconds().is_some());
    assert!(stubborn.resident_mebibytes().unwrap() > 0.0);
    drop(stubborn);
    assert!(!Path::new(&stat).exists());
}

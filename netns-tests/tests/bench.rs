//! `linkveil bench net`: that it measures what it says, and leaves nothing behind. What the figures are is no test.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use linkveil_netns_tests::gateway::binary;
use linkveil_netns_tests::timing::wait_for;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

#[derive(Deserialize)]
struct Root {
    report: Report,
}

#[derive(Deserialize)]
struct Report {
    tunnels: Vec<Tunnel>,
    skipped: Vec<Skipped>,
}

#[derive(Deserialize)]
struct Tunnel {
    tunnel: String,
    mtu: u32,
    measures: BTreeMap<String, Summary>,
    failure: Option<String>,
}

#[derive(Deserialize)]
struct Summary {
    median: f64,
    samples: Vec<f64>,
}

#[derive(Deserialize)]
struct Skipped {
    tunnel: String,
    remedy: String,
}

/// A run in a folder of its own, with a search path on which nothing is but what every run needs.
struct Run {
    folder: tempfile::TempDir,
    child: Child,
}

impl Run {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (tools, temporary) = (folder.path().join("bin"), folder.path().join("tmp"));
        fs::create_dir(&tools).unwrap();
        fs::create_dir(&temporary).unwrap();
        for tool in ["ip", "ping", "iperf3"] {
            let found = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];
            let found = found.map(|place| Path::new(place).join(tool));
            let found = found.iter().find(|file| file.exists());
            symlink(
                found.unwrap_or_else(|| panic!("no {tool}")),
                tools.join(tool),
            )
            .unwrap();
        }
        let output = |name: &str| fs::File::create(folder.path().join(name)).unwrap();
        let child = Command::new(binary())
            .args(["bench", "net"])
            .args(arguments)
            .env("PATH", &tools)
            .env("TMPDIR", &temporary)
            .stdin(Stdio::null())
            .stdout(output("out"))
            .stderr(output("err"))
            .spawn()
            .unwrap();
        Self { folder, child }
    }

    fn printed(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn namespaces(&self) -> Vec<PathBuf> {
        let of_side = |side| format!("/run/netns/lvbench-{}-{side}", self.child.id()).into();
        [of_side('a'), of_side('b')]
            .into_iter()
            .filter(|path: &PathBuf| path.exists())
            .collect()
    }

    /// Whoever has a file of the run's folder on its command line: gateways, that is.
    fn daemons(&self) -> usize {
        let folder = self.folder.path().join("tmp");
        let folder = folder.to_str().unwrap();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let lines =
            processes.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
        lines.filter(|line| line.contains(folder)).count()
    }

    fn assert_nothing_is_left(&self) {
        assert_eq!(self.namespaces(), Vec::<PathBuf>::new());
        assert_eq!(self.daemons(), 0);
        let files = fs::read_dir(self.folder.path().join("tmp")).unwrap();
        assert_eq!(files.count(), 0, "temporary files");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            eprintln!("{}", self.printed("err"));
        }
    }
}

#[test]
fn every_measure_of_linkveil_and_of_the_cable_has_a_sample() {
    let arguments = [
        "--rounds",
        "1",
        "--seconds",
        "1",
        "--peers",
        "veth,boringtun",
        "--json",
    ];
    let mut run = Run::start(&arguments);
    assert!(run.child.wait().unwrap().success());
    let root: Root = serde_json::from_str(&run.printed("out")).unwrap();
    let [linkveil, veth] = root.report.tunnels.as_slice() else {
        panic!("two tunnels are there");
    };
    // Without daemons there is neither their time nor their memory.
    for (row, name, measures, mtu) in [(linkveil, "linkveil", 11, 1_424), (veth, "veth", 9, 1_500)]
    {
        assert_eq!((row.tunnel.as_str(), row.mtu), (name, mtu));
        assert_eq!(row.failure, None);
        assert_eq!(row.measures.len(), measures, "{:?}", row.measures.keys());
        for (measure, summary) in &row.measures {
            assert!(summary.median > 0.0, "{measure} of {name}");
            assert_eq!(summary.samples.len(), 1);
        }
    }
    let [boringtun] = root.report.skipped.as_slice() else {
        panic!("one peer is not there");
    };
    assert_eq!(boringtun.tunnel, "boringtun");
    assert_eq!(boringtun.remedy, "cargo install boringtun-cli");
    run.assert_nothing_is_left();
}

#[test]
fn a_signal_ends_the_run_and_removes_everything() {
    let mut run = Run::start(&["--rounds", "50", "--seconds", "60", "--peers", "veth"]);
    wait_for("the gateways", || (run.daemons() == 2).then_some(()));
    assert_eq!(run.namespaces().len(), 2);
    let ctrl_c = kill_process(Pid::from_child(&run.child), Signal::INT);
    ctrl_c.unwrap();
    assert_eq!(run.child.wait().unwrap().code(), Some(1));
    assert!(
        run.printed("err")
            .contains("stopped by a signal; everything is removed")
    );
    assert_eq!(run.printed("out"), "");
    run.assert_nothing_is_left();
}

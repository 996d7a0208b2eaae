//! Programs that somebody else wrote: whether they are there, which version, and running them for a moment.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::error::NetError;

/// Where Debian keeps system tools, which a plain user's search path lacks.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// The program's file in the search path.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(SYSTEM_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| {
        let meta = file.metadata();
        meta.is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    })
}

/// What every measurement needs; the version of iperf3.
pub(super) fn require_common() -> Result<String, NetError> {
    if !rustix::process::geteuid().is_root() {
        return Err(NetError::NotRoot);
    }
    for (program, package) in [
        ("ip", "iproute2"),
        ("ping", "iputils-ping"),
        ("iperf3", "iperf3"),
    ] {
        find(program).ok_or(NetError::Missing { program, package })?;
    }
    Ok(version("iperf3", &["--version"]))
}

/// The first line that a program prints when it is asked for its version.
pub(super) fn version(program: &str, arguments: &[&str]) -> String {
    let output = find(program).and_then(|file| {
        let mut command = Command::new(file);
        command.args(arguments).stdin(Stdio::null()).output().ok()
    });
    let text = output
        .map(|output| [output.stdout, output.stderr].concat())
        .unwrap_or_default();
    first_line(&String::from_utf8_lossy(&text))
}

/// Cut where versions end and build options begin.
fn first_line(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("unknown");
    let words = line.split(['[', '(']).next().unwrap_or(line);
    let words = words.trim_start_matches("Version:").trim();
    words.chars().take(LONGEST).collect()
}

/// Runs a program that ends by itself at once; its standard output.
pub(super) fn output(program: &str, arguments: &[&str]) -> Result<String, NetError> {
    let command = || format!("{program} {}", arguments.join(" "));
    let file = find(program).ok_or_else(|| NetError::Refused {
        command: command(),
        output: "no such program".to_owned(),
    })?;
    let mut run = Command::new(file);
    let output = run.args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| NetError::system(command(), error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(NetError::Refused {
        command: command(),
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_and_others_are_not() {
        assert!(find("sh").is_some());
        assert_eq!(find("linkveil-no-such-program"), None);
        let error = output("linkveil-no-such-program", &["-x"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "linkveil-no-such-program -x: no such program"
        );
    }

    #[test]
    fn what_a_program_says_against_it_is_passed_on() {
        let error = output("sh", &["-c", "echo no such device >&2; exit 3"]).unwrap_err();
        assert!(error.to_string().ends_with(": no such device"), "{error}");
        assert_eq!(output("sh", &["-c", "echo yes"]).unwrap(), "yes\n");
    }

    #[test]
    fn versions_are_the_first_line_without_build_options() {
        assert_eq!(first_line("\nVersion: 1.6.1\n"), "1.6.1");
        assert_eq!(first_line("iperf 3.12 (cJSON 1.7.15)\nLinux"), "iperf 3.12");
        assert_eq!(
            first_line("OpenVPN 2.6.14 x86_64-pc-linux-gnu [SSL (OpenSSL)]"),
            "OpenVPN 2.6.14 x86_64-pc-linux-gnu"
        );
        assert_eq!(first_line(""), "unknown");
    }
}

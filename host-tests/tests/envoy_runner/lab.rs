//! The lab as a child process: Envoys with the built filter, a real PowerDNS, and stand-ins of the
//! providers in the cloud.

use crate::built::{filter, project, target};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// How long the lab may take to stop its programs.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// The running lab; dropping it stops all of it, also when a test fails.
#[derive(Debug)]
pub(crate) struct Lab {
    /// The child process, which ends with its standard input.
    child: Child,
    /// Where it takes commands; none once it was told to end.
    commands: Option<ChildStdin>,
    /// Where it answers.
    answers: BufReader<ChildStdout>,
    /// Where Envoy listens.
    pub(crate) gate_port: u16,
    /// Where PowerDNS's API listens.
    pub(crate) powerdns_port: u16,
    /// The real credential, which no client of a table has.
    pub(crate) credential: String,
    /// Envoy's audit log.
    pub(crate) audit_log: PathBuf,
    /// The accounts in the cloud, which share an Envoy.
    pub(crate) cloud: Vec<Cloud>,
    /// The audit log of that Envoy.
    pub(crate) cloud_audit_log: PathBuf,
    /// The header that this Envoy adds to what goes on, and not to lookups.
    pub(crate) mark: String,
    /// The file of eight bytes by which Envoy's clock is moved.
    clock_file: PathBuf,
}

/// One account of a provider in the cloud.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cloud {
    /// The provider.
    pub(crate) provider: String,
    /// The account.
    pub(crate) account: String,
    /// Where Envoy listens for it.
    pub(crate) gate_port: u16,
    /// The provider's host.
    pub(crate) host: String,
    /// Whether there is a provider file of it.
    pub(crate) is_known: bool,
    /// The headers that Envoy puts in: the real credential.
    pub(crate) headers: BTreeMap<String, String>,
    /// Where the stand-in listens; 0 where there is none.
    pub(crate) port: u16,
    /// Where it takes orders.
    pub(crate) control_port: u16,
}

impl Lab {
    /// Starts it; Envoy's provider is whoever listens on `provider_port`, and for an account in the
    /// cloud on the port beside it.
    pub(crate) fn start(provider_port: u16, routes: &[(String, String, u16)]) -> Lab {
        let bundle = bundle(&project().join("policies"));
        let mut command = Command::new("python3");
        command.args(["-m", "lab", "tables", "--provider-port", &provider_port.to_string()]);
        for (provider, account, port) in routes {
            command.args(["--route", &format!("{provider}/{account}={port}")]);
        }
        let mut child = command
            .arg("--bundle")
            .arg(&bundle)
            .current_dir(project())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 must be there to start Envoy and PowerDNS");
        let commands = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        std::fs::remove_file(&bundle).unwrap();
        let facts: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let _ = child.kill();
            panic!("the lab did not start: {:?}; its message is above", child.wait())
        });
        let text = |name: &str| facts[name].as_str().unwrap().to_owned();
        let port = |name: &str| u16::try_from(facts[name].as_u64().unwrap()).unwrap();
        Lab {
            gate_port: port("gate_port"),
            powerdns_port: port("api_port"),
            credential: text("api_key"),
            audit_log: text("audit_log").into(),
            cloud: serde_json::from_value(facts["cloud"].clone()).unwrap(),
            cloud_audit_log: text("cloud_audit_log").into(),
            mark: text("mark"),
            clock_file: text("clock_file").into(),
            child,
            commands,
            answers,
        }
    }

    /// Makes this the time in Envoy, in milliseconds since the Unix epoch; it goes on from there.
    pub(crate) fn set_time(&self, unix_ms: i64) {
        let true_ns = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let offset = unix_ms * 1_000_000 - i64::try_from(true_ns).unwrap();
        let file = OpenOptions::new().write(true).open(&self.clock_file).unwrap();
        file.write_all_at(&offset.to_ne_bytes(), 0).unwrap();
    }

    /// Makes PowerDNS's zones what they were at the start.
    pub(crate) fn reset(&mut self) {
        self.commands.as_mut().unwrap().write_all(b"reset\n").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "reset", "the lab has ended; its message is above");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The end of its input tells the lab to stop what it started.
        drop(self.commands.take());
        let limit = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < limit {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // What the lab started ends with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The file for Envoy, with the built filter and the policies as the built command packs them.
fn bundle(policies: &Path) -> PathBuf {
    let scratch = target().join("host-tests");
    std::fs::create_dir_all(&scratch).unwrap();
    let file = scratch.join(format!("envoy-{}.json", std::process::id()));
    let made = Command::new(zonegate())
        .arg("bundle")
        .arg(policies)
        .args(["--demo", "--wasm"])
        .arg(filter())
        .arg("--output")
        .arg(&file)
        .output()
        .unwrap();
    assert!(made.status.success(), "zonegate bundle: {}", String::from_utf8_lossy(&made.stderr));
    file
}

/// The `zonegate` command of these sources, built if need be.
///
/// `ZONEGATE_COMMAND` names another one, such as a release's, which is taken as it is.
fn zonegate() -> PathBuf {
    if let Some(named) = std::env::var_os("ZONEGATE_COMMAND") {
        return named.into();
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "-p", "zonegate-cli"]).current_dir(project());
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "the zonegate command cannot be built");
    profile.join("zonegate")
}

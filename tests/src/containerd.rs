//! A containerd of a test's own: its state, its socket and its log are in a scratch folder.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::run::{Run, program};
use crate::scratch::Scratch;

/// Runs until dropped.
pub struct Containerd {
    child: Child,
    socket: String,
    root: PathBuf,
}

impl Containerd {
    /// Starts it and waits until it answers.
    pub fn start(scratch: &Scratch) -> Self {
        Self::with_root(scratch, scratch.path("containerd/root"))
    }

    /// One that keeps its images in this folder.
    pub fn with_root(scratch: &Scratch, root: PathBuf) -> Self {
        let folder = scratch.folder("containerd");
        let socket = folder.join("socket").display().to_string();
        let config = format!(
            "version = 2\nroot = '{1}'\nstate = '{0}/state'\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n\
             [grpc]\n address = '{socket}'\n[debug]\n address = '{0}/debug'\n[ttrpc]\n address = '{0}/ttrpc'\n",
            folder.display(),
            root.display()
        );
        let config = scratch.write("containerd/config.toml", config);
        let log = fs::File::create(folder.join("log")).unwrap();
        let mut command = program("containerd");
        command.arg("--config").arg(config).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let containerd = Self { child: command.spawn().unwrap(), socket, root };
        for _ in 0..400 {
            if containerd.ctr(&["version"]).code == Some(0) {
                return containerd;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("containerd does not answer\n{}", fs::read_to_string(folder.join("log")).unwrap());
    }

    /// As `--store` takes it, with settings as in `?namespace=NAME`; layers are unpacked into folders, which every file system can hold.
    pub fn store(&self, settings: &str) -> String {
        let more = if settings.is_empty() { "?" } else { "&" };
        format!("--store=containerd:{}{settings}{more}snapshotter=native", self.socket)
    }

    /// Where its blobs are.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("io.containerd.content.v1.content/blobs")
    }

    /// What `ctr` lists, a line each, in order.
    pub fn list(&self, args: &[&str]) -> Vec<String> {
        let mut lines: Vec<String> = self.ctr(args).ok().stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// The labels of a blob in the namespace `default`, as in `KEY=VALUE`, in order.
    pub fn labels(&self, digest: &str) -> Vec<String> {
        let listed = self.ctr(&["content", "ls"]).ok().stdout;
        let line = listed.lines().find(|line| line.starts_with(digest)).unwrap_or_else(|| panic!("{digest}: {listed}"));
        let mut labels: Vec<String> = line
            .split_whitespace()
            .last()
            .unwrap()
            .split(',')
            .map(str::to_owned)
            .filter(|label| label != "-")
            .collect();
        labels.sort();
        labels
    }

    /// `ctr` with this daemon.
    pub fn ctr(&self, args: &[&str]) -> Run {
        Run::of(&mut self.command(args))
    }

    /// The same, to be started by the test.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = program("ctr");
        command.args(["--address", &self.socket]).args(args);
        command
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

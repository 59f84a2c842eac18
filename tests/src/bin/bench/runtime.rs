//! Into containerd: an archive of an image, next to what containerd's own client makes of the same archive.

use std::process::{Command, Stdio};

use ocix_tests::Containerd;

use crate::bench::{Bench, mega};
use crate::data;
use crate::report::{HEAD, Row, Target, line};

/// All of it.
pub fn report(bench: &Bench) -> String {
    let layout = bench.scratch.path("runtime-layout");
    let size = bench.plan.push_megabytes;
    data::layers_of(&layout, 4, size * 250_000);
    let named = format!("type=oci,dest=runtime.tar,compression=uncompressed,name={NAME}");
    bench.scratch.export(format!("oci:{}", layout.display()), &named, &[]).ok();
    let archive = bench.scratch.path("runtime.tar");
    bench.shell("cat runtime.tar > /dev/null");
    let containerd = Containerd::start(&bench.scratch);
    let store = containerd.store("");
    let exporting = |unpack: bool| {
        let output = format!("type=image,name={NAME},unpack={unpack},compression=uncompressed");
        let mut command: Command =
            bench.scratch.exporting(format!("oci:{}", archive.display()), &output, &[store.as_str()]);
        command.stdout(Stdio::null());
        command
    };
    // Everything goes with the name: each run begins with nothing.
    let forget = || {
        containerd.ctr(&["images", "rm", "--sync", NAME]).ok();
        assert_eq!(containerd.list(&["content", "ls", "-q"]), Vec::<String>::new());
    };
    let mut text = String::from("\n## Into containerd\n\n");
    text += HEAD;
    let mut profiles = String::new();
    for (unpack, what) in [(false, "`ctr images import --no-unpack`"), (true, "`ctr images import`")] {
        let ours = || {
            let seconds = bench.run(exporting(unpack)).seconds;
            forget();
            seconds
        };
        let theirs = || {
            let mut args = vec!["images", "import", "--snapshotter=native"];
            args.extend(Some("--no-unpack").filter(|_| !unpack));
            let mut command = containerd.command(&args);
            command.arg(&archive).stdout(Stdio::null());
            let seconds = bench.run(command).seconds;
            forget();
            seconds
        };
        let work = format!(
            "{:.0} MB in 4 layers out of an archive{}, against {what}",
            mega(std::fs::metadata(&archive).unwrap().len()),
            if unpack { ", unpacked" } else { "" }
        );
        let row = Row::measure(bench, &work, Target::Speed(1.0, None), ours, theirs);
        let (row, profile) = line(bench, &row, || exporting(unpack));
        text += &row;
        profiles += &profile;
    }
    text + &profiles
}

const NAME: &str = "docker.io/library/bench:v1";

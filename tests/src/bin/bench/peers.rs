//! Against the tools that people use today: from a directory to a layer, and from a layer to another.

use std::fs;
use std::path::Path;

use ocix_tests::Layout;
use serde_json::Value;

use crate::bench::Bench;
use crate::data;
use crate::report::{HEAD, Row, Target, line};

/// All of it.
pub fn report(bench: &Bench) -> String {
    let slow = bench.scratch.folder("slow");
    data::real(&slow, bench.plan.slow_megabytes << 20);
    let small = bench.scratch.folder("small");
    data::small_files(&small, bench.plan.small_files, 1024);
    bench.shell("tar c -C slow . | cat > /dev/null; tar c -C small . | cat > /dev/null");
    let both = |packer: &str, tree: &str| {
        format!(
            "rm -f a b; mkfifo a b; sha256sum < a > a.sum & sha256sum < b > b.sum & \
             tar c -C {tree} . | tee a | {packer} | tee b > peer; wait"
        )
    };
    let plain = "rm -f a; mkfifo a; sha256sum < a > a.sum & tar c -C tree . | tee a > peer; wait";
    let rows = [
        ("gzip, level unset", "compression=gzip", both("pigz -6", "tree"), Target::Speed(2.8, Some(1.05)), &bench.tree),
        (
            "gzip 6",
            "compression=gzip,compression-level=6",
            both("pigz -6", "tree"),
            Target::Speed(2.0, Some(1.02)),
            &bench.tree,
        ),
        (
            "zstd, level unset",
            "compression=zstd",
            both("zstd -q -T0 -3", "tree"),
            Target::Speed(2.0, Some(1.0)),
            &bench.tree,
        ),
        (
            "zstd 19, a smaller tree",
            "compression=zstd,compression-level=19",
            both("zstd -q -T0 -19", "slow"),
            Target::Speed(0.8, Some(1.03)),
            &slow,
        ),
        ("uncompressed", "compression=uncompressed", plain.to_owned(), Target::Speed(2.5, None), &bench.tree),
        (
            "gzip of many files of 1 KB",
            "compression=gzip",
            "tar c -C small . | pigz -6 > peer".to_owned(),
            Target::Speed(1.0, None),
            &small,
        ),
    ];
    let mut text = String::from(
        "\n## Against other tools\n\nInto a new embedded store, both digests computed, every blob durable before it is named; the peers flush nothing.\n\n",
    );
    text += HEAD;
    let (mut profiles, mut commands) = (String::new(), String::new());
    for (work, options, peer, target, tree) in &rows {
        let mut size = 0;
        let ours = || {
            let seconds = bench.export(tree, options).seconds;
            size = bench.layer();
            seconds
        };
        let mut row = Row::measure(bench, work, *target, ours, || bench.shell(peer).seconds);
        row.sizes = Some((size, fs::metadata(bench.scratch.path("peer")).unwrap().len()));
        let (line, profile) = line(bench, &row, || {
            bench.forget();
            bench.exporting(tree, options)
        });
        text += &line;
        profiles += &profile;
        commands += &format!("- {work}: `{options}` against `{peer}`\n");
    }
    let (line, profile) = recompressed(bench);
    text += &line;
    commands += "- gzip to zstd: `ocix export oci:gzip --output type=oci,tar=false,dest=ours,compression=zstd,force-compression=true` against `skopeo copy --dest-compress-format zstd oci:gzip:v1 oci:theirs:v1`\n";
    for name in ["slow", "small"] {
        fs::remove_dir_all(bench.scratch.path(name)).unwrap();
    }
    format!("{text}{profiles}{profile}\n{commands}")
}

/// An image in a layout, its gzip layer made a zstd one.
fn recompressed(bench: &Bench) -> (String, String) {
    let at = |name: &str| bench.scratch.path(name);
    let made = bench.scratch.exporting(&bench.tree, "type=oci,tar=false,dest=gzip,name=bench:v1,compression=gzip", &[]);
    bench.run(made);
    let again = || {
        bench.forget();
        fs::remove_dir_all(at("ours")).ok();
        let output = "type=oci,tar=false,dest=ours,compression=zstd,force-compression=true";
        bench.scratch.exporting("oci:gzip", output, &[])
    };
    let theirs = || {
        fs::remove_dir_all(at("theirs")).ok();
        bench.shell("skopeo copy -q --dest-compress-format zstd oci:gzip:v1 oci:theirs:v1").seconds
    };
    let ours = || bench.run(again()).seconds;
    let mut row = Row::measure(bench, "gzip to zstd, an image in a layout", Target::Speed(2.0, None), ours, theirs);
    row.sizes = Some((size(&at("ours")), size(&at("theirs"))));
    let told = line(bench, &row, again);
    for name in ["gzip", "ours", "theirs"] {
        fs::remove_dir_all(at(name)).unwrap();
    }
    told
}

/// Bytes of the zstd layer of the one image in a layout.
fn size(layout: &Path) -> u64 {
    let layout = Layout::at(layout);
    let entry: &Value = &layout.entries()[0];
    let layer = &layout.image(entry["digest"].as_str().unwrap()).0["layers"][0];
    assert!(layer["mediaType"].as_str().unwrap().ends_with("+zstd"), "{layer}");
    layer["size"].as_u64().unwrap()
}

//! Images made to keep whoever looks into them busy for ever: each ends by a limit that is told, in the memory of a small machine. How much
//! memory a process had at most is what the kernel counted (wait4(2), by way of time(1)).

use std::fs;

use ocix_tests::broken::{END, Head, extended, file, gzip, link, record, zstd};
use ocix_tests::{Noise, Run, Scratch, by_turns, need, program};
use serde_json::Value;

/// What is looked at with each command, and which limit ends it.
struct Hostile {
    name: &'static str,
    layer: Vec<u8>,
    /// The finding of `verify`.
    code: &'static str,
    /// Words of the error of the others.
    told: &'static str,
}

#[test]
fn everything_ends_by_a_limit() {
    need!("gzip", "time", "zstd");
    by_turns(hostile(), ends_by_a_limit);
}

fn ends_by_a_limit(Hostile { name, layer, code, told }: Hostile) {
    let scratch = Scratch::new();
    scratch.write(name, &layer);
    let verified = measured(&scratch, &["verify", "--json", name]);
    assert_eq!(verified.code, Some(1), "{name}: {}", verified.told());
    let report: Value = serde_json::from_str(&verified.stdout).unwrap();
    let codes: Vec<&Value> = report["findings"].as_array().unwrap().iter().map(|found| &found["code"]).collect();
    assert!(codes.contains(&&Value::from(code)), "{name}: {codes:?}");
    let run = measured(&scratch, &["ls", "-R", name]);
    assert_eq!(run.code, Some(1), "{name}: {}", run.told());
    assert!(run.stderr.contains(told), "{name}: {}", run.told());
    // The same on both sides is still read: neither says what is in it. What differs has a limit of its own, which may be met before.
    let run = measured(&scratch, &["diff", name, name]);
    let ended = run.stderr.contains(told) || run.stderr.contains("files that differ need more than");
    assert!(run.code == Some(0) || ended, "{name}: {}", run.told());
}

/// Links that lead around lead nowhere.
#[test]
fn links_end() {
    need!("time");
    let scratch = Scratch::new();
    let chain: Vec<u8> =
        (0..100).flat_map(|n| link(format!("c{n}").as_bytes(), b'2', format!("c{}", n + 1).as_bytes())).collect();
    let around = [link(b"a", b'2', b"b"), link(b"b", b'2', b"a"), link(b"self", b'1', b"self"), link(b"d", b'2', b".")];
    scratch.write("links.tar", [around.concat(), chain, file(b"c100", b"x"), END.to_vec()].concat());
    for path in ["a", "b/x", "c0"] {
        let run = measured(&scratch, &["cat", &format!("links.tar:/{path}")]);
        assert!(run.code == Some(1) && run.stderr.contains("links"), "{path}: {}", run.told());
    }
    assert_eq!(measured(&scratch, &["cat", "links.tar:/d/d/d/c99"]).stdout, "x");
    assert_eq!(measured(&scratch, &["ls", "-R", "links.tar"]).stdout.lines().count(), 105);
    assert_eq!(measured(&scratch, &["cat", "links.tar:/self"]).code, Some(1));
}

fn hostile() -> Vec<Hostile> {
    let zeros = gzip(&vec![0; 64 << 20]);
    let endless = |start: Vec<u8>, member: &[u8]| [gzip(&start), member.repeat(160)].concat();
    let large = Head { size: 0o777_7777_7777, ..Head::of(b"zeros", b'0') }.bytes();
    // A window of 2 MiB, and blocks of one byte said 128 Ki times: 10 GiB of zeros, the header of a file before them.
    let mut frame = [&zstd(&large)[..], &[0x28, 0xb5, 0x2f, 0xfd, 0, 0x58]].concat();
    frame.extend([2, 0, 0x10, 0].repeat(80_000));
    let mut names = Vec::new();
    for number in 0..260_000 {
        let name = format!("{}/{number:0250}", "d".repeat(250));
        names.extend([extended(b'L', name.as_bytes()), file(b"", b"")].concat());
    }
    let records: Vec<u8> = (0..60_000).flat_map(|n| record(&format!("SCHILY.xattr.user.{n}"), b"x")).collect();
    vec![
        Hostile {
            name: "zeros.gz",
            layer: endless(large.clone(), &zeros),
            code: "limit-compression-ratio",
            told: "times its size",
        },
        Hostile { name: "zeros.zst", layer: frame, code: "limit-compression-ratio", told: "times its size" },
        Hostile { name: "entries.gz", layer: many(&file(b"f", b"")), code: "limit-entries", told: "entries" },
        Hostile {
            name: "extensions.gz",
            layer: gzip(&extended(b'x', &record("path", b"x")).repeat(100_000)).repeat(20),
            code: "limit-extended-header",
            told: "extended header",
        },
        Hostile {
            name: "globals.gz",
            layer: many(&extended(b'g', &record("comment", b"x"))),
            code: "limit-entries",
            told: "entries",
        },
        Hostile {
            name: "names.zst",
            layer: zstd(&[names, END.to_vec()].concat()),
            code: "limit-index",
            told: "limit `index`",
        },
        Hostile {
            name: "attributes.tar",
            layer: extended(b'x', &[records.clone(), records].concat()),
            code: "limit-extended-header",
            told: "extended header",
        },
        Hostile {
            name: "deep.tar",
            layer: [extended(b'L', &b"d/".repeat(100_000)), file(b"d", b"x"), END.to_vec()].concat(),
            code: "limit-path",
            told: "a path in the tar",
        },
    ]
}

/// Ten million of an entry, and here and there what cannot be compressed.
fn many(entry: &[u8]) -> Vec<u8> {
    let mut noise = Noise::new(1);
    let some = |_| [entry.repeat(1000), file(b"noise", &noise.bytes(512))].concat();
    gzip(&(0..100).flat_map(some).collect::<Vec<u8>>()).repeat(100)
}

/// Runs it, and what it had in memory at most must be what a small machine has.
fn measured(scratch: &Scratch, args: &[&str]) -> Run {
    let ocix = scratch.ocix();
    let mut command = program("time");
    command.args(["--quiet", "--format=%M", "--output=peak"]).arg(ocix.get_program()).args(args);
    command.current_dir(scratch.path(""));
    command.envs(ocix.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let run = Run::of(&mut command);
    let peak: u64 = fs::read_to_string(scratch.path("peak")).unwrap().trim().parse().unwrap();
    assert!(peak < 256 << 10, "{args:?} had {peak} KiB in memory");
    eprintln!("{:>4} MiB {args:?}", peak >> 10);
    run
}

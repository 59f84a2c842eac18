//! Every call of the medium fails once, in every work that changes a store: it is then as it was or as it was to be, and nothing in between.

use super::super::check::check;
use super::super::repair;
use super::double::{Directory, Double, Plan};
use super::*;
use crate::export::{self, Job, Source};
use crate::media::{Directory as _, Entry, Kept as _, Kind, Timestamp, Writer as _};

/// What is done to a store with an image of two names, one without a name, and garbage.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Work {
    Collect,
    Export,
    Repair,
    Tag,
    Untag,
}

fn start() -> memory::Directory {
    let directory = memory::Directory::default();
    wait(store(&directory, "one", &["one", "other"])).unwrap();
    wait(store(&directory, "two", &[])).unwrap();
    wait(image(&Layout::store(directory.clone()), "garbage")).unwrap();
    directory
}

fn perform(work: Work, directory: &memory::Directory, plan: &Plan) -> Result<()> {
    let directory = Directory(directory.clone(), plan.clone());
    let media = Double(Memory::default(), directory.clone());
    let layout = Layout::store(directory.clone());
    match work {
        Work::Collect => wait(collect(&media, &layout, true, false)).map(drop),
        Work::Export => {
            let mut tree = memory::Tree::default();
            let kind = Kind::Regular(5);
            let modified = Timestamp { seconds: 0, nanoseconds: 0 };
            let path = b"file".to_vec();
            tree.push(
                Entry { path, kind, mode: 0o644, uid: 0, gid: 0, modified, xattrs: Vec::new() },
                b"bytes".to_vec(),
            );
            // One name is new, one stands for another image.
            let output = "type=image,\"name=new,other\"".to_owned();
            let job = Job::new(Source::Files(tree), "linux/amd64".parse().unwrap(), vec![output]);
            wait(export::run(&media, job, directory)).map(drop)
        }
        Work::Repair => wait(async {
            let mut report = check(&media, &layout).await?;
            repair::repair(&media, &layout, &mut report).await
        }),
        Work::Tag => wait(layout.name_too("one", &["other".into(), "new".into()])).map(drop),
        Work::Untag => wait(layout.unname(&["one".into()])).map(drop),
    }
}

/// What users see: names with what they stand for, in order.
fn seen(directory: &memory::Directory) -> Vec<(Option<String>, Digest)> {
    let index = wait(Layout::store(directory.clone()).index()).unwrap();
    index.listed().map(|entry| (name_of(entry).map(str::to_owned), entry.digest.clone())).collect()
}

#[test]
fn a_store_is_old_or_new() {
    let mut failed = 0;
    for work in [Work::Collect, Work::Export, Work::Repair, Work::Tag, Work::Untag] {
        let broken = |directory: &memory::Directory| {
            if work == Work::Repair {
                let path = Descriptor::of("", b"garbage").digest.blob_path();
                wait(directory.remove(&(), &path)).unwrap();
                let mut writer = wait(directory.create()).unwrap();
                wait(writer.write(b"egabrag".to_vec())).unwrap();
                wait(writer.publish(&path)).unwrap();
            }
        };
        let (old, new) = (start(), start());
        perform(work, &new, &Plan::default()).unwrap();
        let (old, new) = (seen(&old), seen(&new));
        for late in [false, true] {
            for fail in 0.. {
                let directory = start();
                broken(&directory);
                let plan = Plan::failing(fail, late);
                let done = perform(work, &directory, &plan);
                let now = seen(&directory);
                assert!(now == old || now == new, "{work:?} {fail} {late}: {now:#?}");
                let report = wait(check(&Memory::default(), &Layout::store(directory.clone()))).unwrap();
                let wrong = report.findings.iter().find(|finding| finding.broken && !finding.images.is_empty());
                assert_eq!(wrong, None, "{work:?} {fail} {late}");
                if done.is_ok() {
                    assert!(now == new, "{work:?} {fail} {late}: it was said to be done");
                } else {
                    failed += 1;
                    // A second time it works, whatever the first one left.
                    perform(work, &directory, &Plan::default()).unwrap();
                    assert_eq!(seen(&directory), new, "{work:?} {fail} {late}");
                }
                if !plan.came() {
                    break;
                }
            }
        }
    }
    assert!(failed > 100, "only {failed} calls failed");
}

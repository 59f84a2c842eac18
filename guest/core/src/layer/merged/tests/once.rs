//! Layers that are read once give what is planned, or say that they do not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::*;
use crate::layer::merged::once;

/// A file tree: paths, and what stands there; names of one inode have the same content.
#[derive(Debug, Default, PartialEq)]
struct Grown(BTreeMap<Vec<u8>, Node>, Vec<u8>);

/// An entry, and the content that it shares with its other names.
type Node = (Entry, Rc<RefCell<Vec<u8>>>);

/// A path, what stands there, its mode and content, and the places of all names of it.
type Line<'g> = (&'g [u8], Kind, u32, Vec<u8>, Vec<usize>);

impl Sink for Grown {
    async fn entry(&mut self, entry: Entry) -> Result<()> {
        let parent = entry.path.iter().rposition(|byte| *byte == b'/').map_or(&b""[..], |at| &entry.path[..at]);
        assert!(entry.path.is_empty() || self.0[parent].0.kind == Kind::Directory);
        let (path, node) = match &entry.kind {
            Kind::HardLink(first) => (entry.path, self.0[first].clone()),
            _ => (entry.path.clone(), (entry, Rc::default())),
        };
        self.1.clone_from(&path);
        self.0.insert(path, node);
        Ok(())
    }

    async fn content(&mut self, piece: Vec<u8>) -> Result<()> {
        self.0[&self.1].1.borrow_mut().extend(piece);
        Ok(())
    }
}

impl Grown {
    /// Which names are of one inode, and what stands there.
    fn normal(&self) -> Vec<Line<'_>> {
        let same = |content: &Rc<_>| {
            self.0
                .values()
                .enumerate()
                .filter(|(_, (_, other))| Rc::ptr_eq(content, other))
                .map(|(place, _)| place)
                .collect()
        };
        let node = |(path, (entry, content)): (_, &(Entry, Rc<RefCell<Vec<u8>>>))| {
            (path, entry.kind.clone(), entry.mode, content.borrow().clone(), same(content))
        };
        self.0.iter().map(|(path, node)| (path.as_slice(), node)).map(node).collect()
    }
}

/// Whether it was enough to read the layers once.
pub fn same_as_planned(layers: &Tars) -> bool {
    let plan = wait(Plan::new(layers, |_| panic!())).unwrap();
    let mut by_plan = Grown::default();
    wait(by_plan.entry(plan.root().clone())).unwrap();
    wait(plan.write(layers, &mut by_plan)).unwrap();
    let mut grown = Grown::default();
    let Some(again) = wait(once(layers, &mut grown, |_| panic!())).unwrap() else { return false };
    assert_eq!((again.steps, again.directories), (plan.steps, plan.directories));
    assert_eq!(grown.normal(), by_plan.normal());
    true
}

#[test]
fn most_layers_are_read_once() {
    let whole = |layers: &[&str]| same_as_planned(&Tars(layers.iter().map(|words| layer(words)).collect()));
    let simple: [&[&str]; 10] = [
        &["a=1 d/ d/b=2 c:d/b s>a p|"],
        &["d/f=1"],
        &["d/ d/f=1 g=2", "d/f=3", "h=4"],
        &["d/ d/f=1 g=2", "d/.wh.f", ".wh.g"],
        &["d/ d/f=1 g=2", "d/.wh..wh..opq d/h=3"],
        &["d/ d/f=1", "d=2"],
        &["d=2", "d/ d/f=1"],
        &["b/ b/x=1 a>b", "a/y=2"],
        // What is hidden is of no concern.
        &["a=1 b:a", "a=2 b=3"],
        &["d/ d/f=1", "d=2", "d/"],
    ];
    for layers in simple {
        assert!(whole(layers), "{layers:?}");
    }
    // Said twice, or not known yet.
    let odd: [&[&str]; 4] = [&["a=1 a=2"], &["a=1 b:a", "a=2"], &["a=1", "b:a"], &["d/ d/f=1 d=2"]];
    for layers in odd {
        assert!(!whole(layers), "{layers:?}");
    }
}

#[test]
fn any_layers_read_once_are_as_planned() {
    let words = [
        "a=1",
        "a=2",
        "a/",
        "b=3",
        "b/",
        "b>a",
        "c:a",
        "c:b",
        "a/a=4",
        "a/b=5",
        "a/b/",
        "a/b/c=6",
        "b/c=7",
        "b/c:a",
        ".wh.a",
        ".wh.b",
        "a/.wh.b",
        "a/.wh..wh..opq",
        ".wh..wh..opq",
        "b/.wh.c",
        "c",
        "d=8",
        "d:a/a",
    ];
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below
    };
    let (mut whole, mut sound) = (0, 0);
    for _ in 0..20_000 {
        let mut one = || (0..random(6)).map(|_| words[random(words.len())]).collect::<Vec<_>>().join(" ");
        let layers: Vec<_> = (0..4).map(|_| layer(&one())).collect();
        let layers = Tars(layers);
        if wait(Plan::new(&layers, |_| panic!())).is_err() {
            assert!(matches!(wait(once(&layers, &mut Grown::default(), |_| panic!())), Err(_) | Ok(None)));
            continue;
        }
        sound += 1;
        whole += usize::from(same_as_planned(&layers));
    }
    assert!(sound > 2000 && whole > 1000 && sound - whole > 500, "{whole} of {sound}");
}

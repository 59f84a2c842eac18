//! What a component may do wrong, by its name. Both guests use this file.

/// Does it; an unknown name does nothing.
pub fn commit(fault: &str) {
    match fault {
        "spin" => spin(),
        "allocate" => allocate(),
        "recurse" => drop(recurse(1)),
        "trap" => panic!("on purpose"),
        _ => {}
    }
}

/// For ever.
fn spin() {
    let mut count = 0_u64;
    loop {
        count = std::hint::black_box(count.wrapping_add(1));
    }
}

/// As much as there is.
fn allocate() {
    let mut all = Vec::new();
    loop {
        all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

/// Deeper than any stack.
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if frame[2] == u64::MAX {
        return 0;
    }
    std::hint::black_box(recurse(frame[0].wrapping_add(1))).wrapping_add(frame[1])
}

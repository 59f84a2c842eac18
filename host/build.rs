//! Precompiles the two components, so that the command line starts at once, and takes the page in, when that was built.
//!
//! They are compiled for x86-64-v3 (every x86-64 processor of the last ten years), or for the plain architecture elsewhere. On a lesser
//! processor the host compiles them again, once.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use wasmtime::Engine;

#[path = "src/engine.rs"]
mod engine;
#[path = "build/page.rs"]
mod page;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=OCIX_COMPONENTS");
    println!("cargo::rerun-if-changed=src/engine.rs");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/page.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?);
    page::take(&manifest, &out)?;
    let mut config = engine::config();
    config.target(&env::var("TARGET")?)?;
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("x86_64") {
        for feature in BASELINE {
            #[expect(unsafe_code, reason = "unsound only for values that the compiler does not know; it knows these")]
            unsafe {
                config.cranelift_flag_enable(feature);
            }
        }
    }
    let engine = Engine::new(&config)?;
    for name in ["images", "toolkit"] {
        let component = find(name, &manifest)?;
        println!("cargo::rerun-if-changed={}", component.display());
        let bytes = fs::read(&component)?;
        fs::write(out.join(name).with_extension("cwasm"), engine.precompile_component(&bytes)?)?;
        fs::write(out.join(name).with_extension("wasm"), bytes)?;
    }
    Ok(())
}

/// `$OCIX_COMPONENTS`, else what `cargo xtask build` left, else what a published crate carries.
fn find(name: &str, manifest: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let named = env::var_os("OCIX_COMPONENTS").map(PathBuf::from);
    let folders = named.into_iter().chain([manifest.join("../target/components"), manifest.join("components")]);
    let candidates: Vec<PathBuf> = folders.map(|folder| folder.join(name).with_extension("wasm")).collect();
    let found = candidates.iter().find(|path| Path::is_file(path)).cloned();
    found.ok_or_else(|| format!("the component {name}.wasm is missing: build with `cargo xtask build`").into())
}

/// The instructions of x86-64-v3, in Cranelift's words.
const BASELINE: [&str; 11] = [
    "has_sse3",
    "has_ssse3",
    "has_sse41",
    "has_sse42",
    "has_popcnt",
    "has_avx",
    "has_avx2",
    "has_bmi1",
    "has_bmi2",
    "has_lzcnt",
    "has_fma",
];

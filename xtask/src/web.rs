//! The browser shell: `guest/browser` for wasm32, with its JavaScript, in `web/pkg`, for pages and for Node.

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{guest, paths};

/// Makes `web/pkg/ocix.js`, `ocix_bg.wasm` and the types: an ES module that is given the wasm's bytes or address.
pub fn build() -> Result<()> {
    // wasm-bindgen reads which instructions are used from a section that `strip` would remove; it removes the rest itself.
    let keep = r#"profile.guest.package.ocix-browser.strip="debuginfo""#;
    guest::compile(&["--package", "ocix-browser", "--config", keep])?;
    let module = paths::target().join(guest::TARGET).join("guest/ocix_browser.wasm");
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&module).out_name("ocix").typescript(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.web(true).context("wasm-bindgen does not know the target `web`")?;
    let out = paths::root().join("web/pkg");
    bindgen.generate(&out).with_context(|| format!("cannot write {}", out.display()))
}

//! Runs every committed seed through its target, on any toolchain.

use std::{fs, path::Path};

#[test]
fn seeds_hold() {
    for (target, run) in [
        ("captures", countersign_fuzz::captures as fn(&[u8])),
        ("compressed", countersign_fuzz::compressed),
        ("config", countersign_fuzz::config),
        ("document", countersign_fuzz::document),
        ("explain", countersign_fuzz::explain),
        ("fields", countersign_fuzz::fields),
        ("headers", countersign_fuzz::headers),
        ("readers", countersign_fuzz::readers),
        ("signature", countersign_fuzz::signature),
        ("timestamp", countersign_fuzz::timestamp),
        ("intake", countersign_fuzz::intake),
        ("sign_then_mutate", countersign_fuzz::sign_then_mutate),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("seeds")
            .join(target);
        let seeds: Vec<_> = fs::read_dir(folder).unwrap().collect();
        assert!(seeds.len() >= 5, "{target} has few seeds");
        for seed in seeds {
            run(&fs::read(seed.unwrap().path()).unwrap());
        }
    }
}

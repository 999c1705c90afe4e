//! The eight workloads in Tandem: those of its own benches, in the build that its users get.

#[path = "../../../support/workloads.rs"]
#[allow(dead_code)]
mod workloads;

fn main() {
    harness::main(|cell| {
        tandem::autograd::kernels::set_threads(cell.threads);
        let mut workload = workloads::build(&cell.workload);
        Box::new(move || workload.step())
    });
}

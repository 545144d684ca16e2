// Runs the QRS detector's top on one lead: raw samples in through s_axis, R peaks and every stage's output out into files.
//
//   qrs SAMPLES_FILE COUNT OUT_FOLDER MODE SEED
//
// SAMPLES_FILE holds COUNT int16 samples. MODE:
//   burst   a sample whenever the top takes one, beats taken at once
//   spaced  a sample every SPACING cycles, beats taken at once
//   random  random gaps before samples and random pauses before beats, from SEED
// config.h (generated) defines QRS_TAPS(T), which lists the wires to record as T(name, path, bits): <path>tap_<name> of the model's
// root, and <path>tap_<name>_moves says when it counts.
//
// Files: <name>.tap per wire, its values in order, ceil(bits / 8) bytes each, least significant first; beats.u64, three numbers a
// beat: its payload, the cycle in which it was offered, samples taken before; taken.u64, the cycle in which each sample was taken.
// Ends with status 1 when the top stops answering.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "Vtop___024root.h"
#include "common.h"
#include "config.h"
#include "verilated.h"

namespace {

constexpr uint64_t SPACING = 32;
constexpr int DRAIN = 64;  // cycles after the last sample

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: qrs SAMPLES_FILE COUNT OUT_FOLDER MODE SEED\n");
        return 2;
    }
    const size_t count = strtoull(argv[2], nullptr, 10);
    const std::string out = argv[3], mode = argv[4];
    Random random{strtoull(argv[5], nullptr, 10) * 2 + 1};
    const auto samples = read_samples(argv[1], count);

    auto context = std::make_unique<VerilatedContext>();
    auto top = std::make_unique<Vtop>(context.get());
    auto* root = top->rootp;
#define DECLARE(name, path, bits) std::vector<uint8_t> tap_##name;
    QRS_TAPS(DECLARE)
    std::vector<uint64_t> beats, taken;
    top->clk = 0;
    top->rst = 1;
    top->s_axis_tvalid = 0;
    top->m_axis_tready = 0;
    for (int i = 0; i < 4; ++i) {
        top->clk ^= 1;
        top->eval();
    }
    top->rst = 0;

    uint64_t cycle = 0, last = 0;
    bool offering = false, offered = false;
    for (int drained = 0; drained < DRAIN; ++cycle) {
        // Inputs change after the rising edge; outputs are read before the next one.
        if (!offering) {
            offering = taken.size() < count && (mode != "random" || random.chance());
            if (mode == "spaced" && cycle % SPACING) offering = false;
        }
        top->s_axis_tvalid = offering;
        if (offering) top->s_axis_tdata = static_cast<uint16_t>(samples[taken.size()]);
        top->m_axis_tready = mode != "random" || random.chance();
        top->eval();

        const uint64_t before = taken.size();
        if (offering && top->s_axis_tready) {
            taken.push_back(cycle);
            offering = false;
            last = cycle;
        }
#define RECORD(name, path, bits) \
    if (root->path##tap_##name##_moves) append(tap_##name, root->path##tap_##name, ((bits) + 7) / 8);
        QRS_TAPS(RECORD)
        if (top->m_axis_tvalid && !offered) beats.insert(beats.end(), {top->m_axis_tdata, cycle, before});
        offered = top->m_axis_tvalid && !top->m_axis_tready;
        if (taken.size() == count && !top->m_axis_tvalid) ++drained;
        if (taken.size() < count && cycle - last > 10000) {
            fprintf(stderr, "no sample was taken for 10,000 cycles after sample %zu of %zu\n", taken.size(), count);
            return 1;
        }
        top->clk = 1;
        top->eval();
        top->clk = 0;
        top->eval();
    }
#define WRITE(name, path, bits) write(out + "/" #name ".tap", tap_##name.data(), tap_##name.size());
    QRS_TAPS(WRITE)
    write(out + "/beats.u64", beats.data(), beats.size() * sizeof(uint64_t));
    write(out + "/taken.u64", taken.data(), taken.size() * sizeof(uint64_t));
    top->final();
    return 0;
}

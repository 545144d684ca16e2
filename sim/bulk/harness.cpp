// Runs a popbeat top on many windows: raw samples in through s_axis, results and every layer's output out into files.
//
//   harness WINDOWS_FILE COUNT OUT_FOLDER MODE SEED [DUMP_FILE]
//
// WINDOWS_FILE holds COUNT windows of POPBEAT_WORDS RR words and POPBEAT_WINDOW samples, each of them int16. MODE:
//   burst     a sample whenever the top takes one, results taken at once
//   isolated  one window at a time: the next begins when the result before has left
//   random    random gaps before samples and random pauses before results, from SEED
//   steady    a sample a cycle, as an ADC on the same clock gives them: one that is not taken in time is lost, and an error
// Where POPBEAT_IMAGE is defined, OUT_FOLDER/image.bin is sent to c_axis first, a byte a beat.
// config.h (generated) defines POPBEAT_WINDOW, POPBEAT_WORDS, POPBEAT_BEAT (samples that come at once), POPBEAT_FRONT (values a window of tap_normalised),
// POPBEAT_TAPS(T), which lists the wires to record as T(name, bits), and
// POPBEAT_WIRE(name), the member of the model's root that holds tap_<name>; tap_<name>_moves says when it counts.
//
// Files: <name>.tap per wire, its values in order, ceil(bits / 8) bytes each, least significant first; <name>.when, of a single
// window, the cycle of each of them (uint64); results.u32, the beats of the packets; DUMP_FILE, a value change
// dump where Verilator was asked for one; cycles.u64, six numbers a window: first and last raw sample taken, first normalised sample into block 1, header
// offered by the datapath, header taken at m_axis, last beat taken. Ends with status 1 when the top stops answering.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "Vtop___024root.h"
#include "common.h"
#include "config.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

// Beats a window of normalised samples has, and as it comes, with RR words in front.
constexpr size_t NORMALISED = POPBEAT_FRONT, PACKET = POPBEAT_WORDS + POPBEAT_WINDOW, BEATS = PACKET / POPBEAT_BEAT;

struct Stamp {
    uint64_t raw_first, raw_last, normalised, offered, header, end;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: %s WINDOWS_FILE COUNT OUT_FOLDER MODE SEED [DUMP_FILE]\n", argv[0]);
        return 2;
    }
    const size_t count = strtoull(argv[2], nullptr, 10);
    const std::string out = argv[3], mode = argv[4];
    Random random{strtoull(argv[5], nullptr, 10) * 2 + 1};

    const auto samples = read_samples(argv[1], count * PACKET);

    auto context = std::make_unique<VerilatedContext>();
    auto top = std::make_unique<Vtop>(context.get());
    auto* root = top->rootp;
#if VM_TRACE
    VerilatedVcdC dump;
    if (argc == 7) {
        context->traceEverOn(true);
        top->trace(&dump, 99);
        dump.dumpvars(4, "TOP");  // ports, datapath, and each block's own signals
        dump.open(argv[6]);
    }
#define DUMP(time) \
    if (dump.isOpen()) dump.dump(time)
#else
#define DUMP(time)
#endif

#define DECLARE(name, bits) \
    std::vector<uint8_t> tap_##name; \
    std::vector<uint64_t> when_##name;
    POPBEAT_TAPS(DECLARE)
    std::vector<uint32_t> results;
    std::vector<Stamp> stamps(count);
    size_t normalised = 0, offers = 0, started = 0, sent = 0, finished = 0;
    bool in_packet = false, in_datapath_packet = false;

    uint64_t cycle = 0, last_progress = 0;
    top->clk = 0;
    top->rst = 1;
    top->s_axis_tvalid = 0;
    top->m_axis_tready = 0;
#ifdef POPBEAT_IMAGE
    top->c_axis_tvalid = 0;
#endif
    for (int i = 0; i < 4; ++i) {
        top->clk ^= 1;
        top->eval();
    }
    top->rst = 0;

#ifdef POPBEAT_IMAGE
    if (const int status = load_image(*top, out + "/image.bin")) return status;
#endif
    bool offering = false;
    while (finished < count) {
        // Inputs change after the rising edge; outputs are read before the next one.
        const bool may_start = mode != "isolated" || sent % BEATS || sent / BEATS == finished;
        if (!offering) offering = sent < count * BEATS && may_start && (mode != "random" || random.chance());
        if (mode == "steady" && offering && cycle % POPBEAT_BEAT) offering = false;
        top->s_axis_tvalid = offering;
        if (offering) {
            uint64_t word = 0;
            for (size_t k = POPBEAT_BEAT; k--;) word = word << 16 | static_cast<uint16_t>(samples[sent * POPBEAT_BEAT + k]);
            top->s_axis_tdata = word;
            top->s_axis_tlast = (sent + 1) % BEATS == 0;
        }
        top->m_axis_tready = mode != "random" || random.chance();
        top->eval();

        if (top->s_axis_tvalid && top->s_axis_tready) {
            if (sent % BEATS == 0) stamps[sent / BEATS].raw_first = cycle;
            stamps[sent / BEATS].raw_last = cycle;
            ++sent;
            offering = false;
            last_progress = cycle;
        } else if (mode == "steady" && offering) {
            fprintf(stderr, "sample %zu of window %zu was not taken in its cycle\n", sent % BEATS * POPBEAT_BEAT, sent / BEATS);
            return 1;
        }
#define RECORD(name, bits) \
    if (root->POPBEAT_WIRE(name##_moves)) { \
        append(tap_##name, root->POPBEAT_WIRE(name), ((bits) + 7) / 8); \
        if (count == 1) when_##name.push_back(cycle); \
    }
        POPBEAT_TAPS(RECORD)
        if (root->POPBEAT_WIRE(normalised_moves)) {
            if (normalised++ % NORMALISED == 0 && started < count) stamps[started++].normalised = cycle;
            last_progress = cycle;
        }
        if (root->POPBEAT_WIRE(result_moves)) {
            if (!in_datapath_packet && offers < count) stamps[offers++].offered = cycle;
            in_datapath_packet = !(root->POPBEAT_WIRE(result) >> 32 & 1);
        }
        if (top->m_axis_tvalid && top->m_axis_tready) {
            if (!in_packet) stamps[finished].header = cycle;
            results.push_back(top->m_axis_tdata);
            in_packet = !top->m_axis_tlast;
            if (top->m_axis_tlast) stamps[finished++].end = cycle;
            last_progress = cycle;
        }
        if (cycle - last_progress > 4000000) {  // more than any network's window takes
            fprintf(stderr, "no progress for 4,000,000 cycles after window %zu of %zu\n", finished, count);
            return 1;
        }
        DUMP(10 * cycle + 4);
        top->clk = 1;
        top->eval();
        DUMP(10 * cycle + 5);
        top->clk = 0;
        top->eval();
        ++cycle;
    }
#define WRITE(name, bits) \
    write(out + "/" #name ".tap", tap_##name.data(), tap_##name.size()); \
    write(out + "/" #name ".when", when_##name.data(), when_##name.size() * sizeof(uint64_t));
    POPBEAT_TAPS(WRITE)
    write(out + "/results.u32", results.data(), results.size() * sizeof(uint32_t));
    write(out + "/cycles.u64", stamps.data(), stamps.size() * sizeof(Stamp));
#if VM_TRACE
    dump.close();
#endif
    top->final();
    return 0;
}

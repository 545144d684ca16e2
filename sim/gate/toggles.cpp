// Counts what a netlist's wires do: runs windows through its ports, back to back, and writes their toggles as SAIF.
//
//   toggles WINDOWS_FILE COUNT OUT_FOLDER
//
// config.h (generated) defines POPBEAT_WINDOW and POPBEAT_BEAT (samples that come at once). WINDOWS_FILE holds COUNT windows of int16
// samples. Files: toggles.saif, of the cycles from the first sample to the last result; results.u32, the beats of the packets.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "common.h"
#include "config.h"
#include "verilated.h"
#include "verilated_saif_c.h"

int main(int argc, char** argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s WINDOWS_FILE COUNT OUT_FOLDER\n", argv[0]);
        return 2;
    }
    const size_t count = strtoull(argv[2], nullptr, 10), beats = count * POPBEAT_WINDOW / POPBEAT_BEAT;
    const std::string out = argv[3];
    const auto samples = read_samples(argv[1], count * POPBEAT_WINDOW);

    auto context = std::make_unique<VerilatedContext>();
    context->traceEverOn(true);
    auto top = std::make_unique<Vtop>(context.get());
    VerilatedSaifC saif;
    top->trace(&saif, 99);
    uint64_t time = 0;
    auto half = [&](int clock) {
        top->clk = clock;
        top->eval();
        if (saif.isOpen()) saif.dump(++time);
    };
    top->rst = 1;
    top->s_axis_tvalid = 0;
    top->m_axis_tready = 1;
    for (int i = 0; i < 8; ++i) half(i & 1);
    half(0);
    top->rst = 0;
    saif.open((out + "/toggles.saif").c_str());

    std::vector<uint32_t> results;
    size_t sent = 0, finished = 0;
    for (uint64_t idle = 0; finished < count; ++idle) {
        top->s_axis_tvalid = sent < beats;
        if (sent < beats) {
            uint64_t word = 0;
            for (size_t k = POPBEAT_BEAT; k--;) word = word << 16 | static_cast<uint16_t>(samples[sent * POPBEAT_BEAT + k]);
            top->s_axis_tdata = word;
            top->s_axis_tlast = (sent + 1) % (beats / count) == 0;
        }
        top->eval();
        if (top->s_axis_tvalid && top->s_axis_tready) ++sent, idle = 0;
        if (top->m_axis_tvalid) {
            results.push_back(top->m_axis_tdata);
            finished += top->m_axis_tlast;
            idle = 0;
        }
        if (idle > 100000) {
            fprintf(stderr, "no progress for 100,000 cycles after window %zu of %zu\n", finished, count);
            return 1;
        }
        half(1);
        half(0);
    }
    saif.close();
    write(out + "/results.u32", results.data(), results.size() * sizeof(uint32_t));
    top->final();
    return 0;
}

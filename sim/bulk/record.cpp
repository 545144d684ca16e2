// Runs a top that takes samples without end: one lead in through s_axis, the packets' beats out into a file.
//
//   record SAMPLES_FILE COUNT OUT_FOLDER MODE SEED
//
// SAMPLES_FILE holds COUNT int16 samples. MODE: burst, a sample whenever the top takes one and results taken at once; or random, with
// random gaps before samples and random pauses before results, from SEED. File: results.u32, every beat's TDATA and TLAST in turn.
// Ends when nothing has come for DRAIN cycles after the last sample, and with status 1 when the top stops answering before it.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr uint64_t DRAIN = 20000, STUCK = 100000;

struct Random {  // xorshift64*
    uint64_t state;
    bool chance() {
        state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
        return (state * 0x2545F4914F6CDD1DULL) >> 63;
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: record SAMPLES_FILE COUNT OUT_FOLDER MODE SEED\n");
        return 2;
    }
    const size_t count = strtoull(argv[2], nullptr, 10);
    const bool random_mode = std::string(argv[4]) == "random";
    Random random{strtoull(argv[5], nullptr, 10) * 2 + 1};
    std::vector<int16_t> samples(count);
    FILE* file = fopen(argv[1], "rb");
    if (!file || fread(samples.data(), sizeof(int16_t), count, file) != count) {
        fprintf(stderr, "%s does not hold %zu samples\n", argv[1], count);
        return 2;
    }
    fclose(file);

    auto context = std::make_unique<VerilatedContext>();
    auto top = std::make_unique<Vtop>(context.get());
    top->rst = 1;
    top->s_axis_tvalid = 0;
    top->m_axis_tready = 0;
    for (int i = 0; i < 8; ++i) {
        top->clk = i & 1;
        top->eval();
    }
    top->clk = 0;
    top->rst = 0;

    std::vector<uint32_t> results;
    size_t sent = 0;
    bool offering = false;
    for (uint64_t idle = 0; sent < count || idle < DRAIN; ++idle) {
        if (!offering) offering = sent < count && (!random_mode || random.chance());
        top->s_axis_tvalid = offering;
        if (offering) top->s_axis_tdata = static_cast<uint16_t>(samples[sent]);
        top->m_axis_tready = !random_mode || random.chance();
        top->eval();
        if (offering && top->s_axis_tready) {
            ++sent;
            offering = false;
            idle = 0;
        }
        if (top->m_axis_tvalid && top->m_axis_tready) {
            results.insert(results.end(), {top->m_axis_tdata, top->m_axis_tlast});
            idle = 0;
        }
        if (idle > STUCK) {
            fprintf(stderr, "no progress for 100,000 cycles after sample %zu of %zu\n", sent, count);
            return 1;
        }
        top->clk = 1;
        top->eval();
        top->clk = 0;
        top->eval();
    }
    file = fopen((std::string(argv[3]) + "/results.u32").c_str(), "wb");
    if (!file || fwrite(results.data(), sizeof(uint32_t), results.size(), file) != results.size() || fclose(file)) {
        fprintf(stderr, "can't write into %s\n", argv[3]);
        return 2;
    }
    top->final();
    return 0;
}

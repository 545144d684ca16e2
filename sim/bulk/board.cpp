// A board's top whose serial line is this program's standard input and output: what a host program writes goes over rx bit by bit, and
// the bytes of tx are what it reads.
//
//   board DIVISOR
//
// DIVISOR: clock cycles a bit. Commands, numbers little-endian:
//   W, u32 n, n bytes    clock until they have gone over rx
//   R, u32 cycles        clock until a byte has come over tx, at most so many cycles, less where one is there already; the answer:
//                        u64 cycles since the start, u8 lamps (bit 0 alive, bit 1 abnormal), u32 n, n bytes
// Ends with the input; with status 1 where a byte has no stop bit.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr int START = 100;  // cycles before the first bit: the board starts

class Board {
public:
    explicit Board(int divisor) : divisor(divisor), context(new VerilatedContext), top(new Vtop(context.get())) {
        top->clock = 0;
        top->rx = 1;
        top->eval();
        for (int i = 0; i < START; ++i) step();
    }

    void send(uint8_t byte) {
        const int bits = byte << 1 | 1 << 9;
        for (int k = 0; k < 10; ++k) {
            top->rx = bits >> k & 1;
            for (int i = 0; i < divisor; ++i) step();
        }
    }

    void wait(uint32_t cycles) {
        for (uint32_t i = 0; i < cycles && received.empty(); ++i) step();
    }

    uint8_t lamps() const { return top->alive | top->abnormal << 1; }

    uint64_t cycle = 0;
    std::vector<uint8_t> received;

private:
    void step() {
        top->clock = 1;
        top->eval();
        top->clock = 0;
        top->eval();
        ++cycle;
        listen(top->tx);
    }

    // A bit is looked at in its middle.
    void listen(int tx) {
        if (bit < 0) {
            if (!tx) bit = 0, left = divisor + divisor / 2;
        } else if (--left == 0) {
            left = divisor;
            if (bit < 8) {
                byte = byte >> 1 | tx << 7;
                ++bit;
            } else {
                if (!tx) {
                    fprintf(stderr, "a byte without a stop bit in cycle %llu\n", static_cast<unsigned long long>(cycle));
                    exit(1);
                }
                received.push_back(byte);
                bit = -1;
            }
        }
    }

    const int divisor;
    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<Vtop> top;
    int bit = -1, left = 0;
    uint8_t byte = 0;
};

template <typename T>
bool read(T& value) {
    return fread(&value, sizeof value, 1, stdin) == 1;
}

template <typename T>
void put(const T& value) {
    fwrite(&value, sizeof value, 1, stdout);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 || atoi(argv[1]) < 4) {
        fprintf(stderr, "usage: board DIVISOR, at least 4\n");
        return 2;
    }
    Board board(atoi(argv[1]));
    char command;
    uint32_t number;
    while (read(command) && read(number)) {
        if (command == 'W') {
            uint8_t byte;
            for (uint32_t i = 0; i < number && read(byte); ++i) board.send(byte);
        } else {
            board.wait(number);
            put(board.cycle);
            put(board.lamps());
            put(static_cast<uint32_t>(board.received.size()));
            fwrite(board.received.data(), 1, board.received.size(), stdout);
            board.received.clear();
            fflush(stdout);
        }
    }
    return 0;
}

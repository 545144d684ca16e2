// SPDX-License-Identifier: @{licence}
// Stand-alone bench of @{name}, in Verilog-2005: @{what}.
// It reads @{name}_samples.hex and @{name}_expected.hex@{image_file} from the folder in which it runs,
// sends them with pauses, and compares every beat that comes out. It ends with PASS ($finish) or FAIL ($stop).
//   in Icarus:    iverilog -g2005 -o bench @{name}.v @{name}_tb.v && vvp -N bench
//   in Verilator: verilator --binary --timing --assert -CFLAGS "-std=c++20 -fcoroutines" -Wno-fatal --top-module @{name}_tb @{name}.v @{name}_tb.v @{name}_sva.sv && obj_dir/V@{name}_tb
`timescale 1ns / 1ps

module @{name}_tb;
  localparam SAMPLES = @{samples};  // beats of s_axis, TLAST in the highest bit
  localparam RESULTS = @{results};  // beats of m_axis, TLAST in the highest bit
  localparam IMAGE = @{image_bytes};  // bytes of the network that is loaded first
  localparam PATIENCE = @{patience};  // cycles without a result that end the bench
  localparam QUIET = 2000;  // cycles after the last result in which none may come

  reg clk = 1'b0;
  reg rst = 1'b1;
  reg [15:0] noise = 16'hace1;
  always #5 clk = ~clk;
  always @(posedge clk) noise <= {noise[14:0], noise[15] ^ noise[13] ^ noise[12] ^ noise[10]};

  reg [@{sample_bits}:0] samples [0:SAMPLES-1];
  reg [32:0] expected [0:RESULTS-1];
  initial begin
    $readmemh("@{name}_samples.hex", samples);
    $readmemh("@{name}_expected.hex", expected);
    repeat (4) @(posedge clk);
    rst <= 1'b0;
  end

  reg s_valid = 1'b0;
  reg [@{sample_bits}:0] s_beat = 0;
  wire s_ready;
  wire m_valid, m_last;
  wire [31:0] m_data;
  wire m_ready = noise[0] | noise[3];
  integer sent = 0;
  integer got = 0;
  integer waited = 0;
  reg failed = 1'b0;
@{image_driver}
  @{name} dut (
    .clk(clk),
    .rst(rst),
    .s_axis_tvalid(s_valid),
    .s_axis_tready(s_ready),
    .s_axis_tdata(s_beat[@{sample_top}:0]),@{s_last}@{image_ports}
    .m_axis_tvalid(m_valid),
    .m_axis_tready(m_ready),
    .m_axis_tdata(m_data),
    .m_axis_tlast(m_last)
  );

  always @(posedge clk)
    if (!rst && (s_ready || !s_valid)) begin
      s_valid <= 1'b0;
      if (@{go} && sent < SAMPLES && noise[2:1] != 2'b00) begin
        s_valid <= 1'b1;
        s_beat <= samples[sent];
        sent <= sent + 1;
      end
    end

  always @(posedge clk)
    if (!rst) begin
      waited <= waited + 1;
      if ((m_valid ^ s_ready) === 1'bx) begin
        $display("FAIL: a port is unknown in time %0t", $time);
        $stop;
      end
      if (got < RESULTS && waited == PATIENCE) begin
        $display("FAIL: %0d of %0d beats came out", got, RESULTS);
        failed <= 1'b1;
        $stop;
      end
      if (m_valid && m_ready) begin
        waited <= 0;
        got <= got + 1;
        if (got == RESULTS) begin
          $display("FAIL: a beat came after the last one, %h (TLAST above 32 bits)", {m_last, m_data});
          failed <= 1'b1;
          $stop;
        end else if (got < RESULTS && {m_last, m_data} !== expected[got]) begin
          $display("FAIL: beat %0d is %h, expected %h (TLAST above 32 bits)", got, {m_last, m_data}, expected[got]);
          failed <= 1'b1;
          $stop;
        end
      end
      // Where $stop returns, what has failed does not pass.
      if (got == RESULTS && waited == QUIET && !failed) begin
        $display("PASS: %0d beats of results, every bit as expected", RESULTS);
        $finish;
      end
    end
endmodule

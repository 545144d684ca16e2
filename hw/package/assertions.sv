// SPDX-License-Identifier: @{licence}
// Assertions of @{name}, bound to it: what AXI4-Stream and docs/use.md promise at its ports. Add this file to a simulation
// (Verilator: --assert) or to a formal tool; nothing else changes. Every failure names the rule.

module @{name}_sva (
  input wire clk,
  input wire rst,
  input wire s_axis_tvalid,
  input wire s_axis_tready,
  input wire [@{sample_top}:0] s_axis_tdata,@{s_last}
  input wire m_axis_tvalid,
  input wire m_axis_tready,
  input wire [31:0] m_axis_tdata,
  input wire m_axis_tlast
);
  // AXI4-Stream: what is offered stays until it is taken.
  result_stable: assert property (@(posedge clk) disable iff (rst)
    m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable({m_axis_tdata, m_axis_tlast}))
    else $error("result_stable: m_axis changed before it was taken");
  sample_stable: assert property (@(posedge clk) disable iff (rst)
    s_axis_tvalid && !s_axis_tready |=> s_axis_tvalid && $stable(@{s_beat}))
    else $error("sample_stable: s_axis changed before it was taken (the sender's fault)");

  // A packet has its header and a logit a class@{also}.
  reg [15:0] place = 16'd0;
  always @(posedge clk)
    if (rst) place <= 16'd0;
    else if (m_axis_tvalid && m_axis_tready) place <= m_axis_tlast ? 16'd0 : place + 16'd1;
  packet_length: assert property (@(posedge clk) disable iff (rst)
    m_axis_tvalid |-> @{length})
    else $error("packet_length: beat %0d of a packet, TLAST %0d", place, m_axis_tlast);

  // No result without what it is of: packets that have begun are never more than @{units}.
  reg [31:0] given = 32'd0;
  reg [31:0] begun = 32'd0;
  reg [15:0] sample = 16'd0;
  wire taken = s_axis_tvalid && s_axis_tready;
  wire ends = @{ends};
  always @(posedge clk)
    if (rst) begin
      given <= 32'd0;
      begun <= 32'd0;
      sample <= 16'd0;
    end else begin
      if (taken) sample <= @{restarts} ? 16'd0 : sample + 16'd1;
      if (taken && ends) given <= given + 32'd1;
      if (m_axis_tvalid && m_axis_tready && place == 16'd0) begun <= begun + 32'd1;
    end
  result_of_something: assert property (@(posedge clk) disable iff (rst)
    m_axis_tvalid && place == 16'd0 |-> begun < given)
    else $error("result_of_something: packet %0d after %0d @{units}", begun + 1, given);
endmodule

bind @{name} @{name}_sva popbeat_assertions (.*);

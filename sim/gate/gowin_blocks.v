// Gowin blocks that yosys' own library leaves empty, for the simulation of netlists: what popbeat's designs use of them, which is
// what yosys maps to. Output registers (READ_MODE 1), asynchronous resets and block selects are not among it.

// A block's start values: its 64 parameters, and all of their bits.
`define POPBEAT_INITS(bits) parameter [bits-1:0] \
  INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, INIT_RAM_04 = 0, INIT_RAM_05 = 0, INIT_RAM_06 = 0, INIT_RAM_07 = 0, \
  INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0, INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, \
  INIT_RAM_10 = 0, INIT_RAM_11 = 0, INIT_RAM_12 = 0, INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0, \
  INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0, INIT_RAM_1D = 0, INIT_RAM_1E = 0, INIT_RAM_1F = 0, \
  INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0, INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, \
  INIT_RAM_28 = 0, INIT_RAM_29 = 0, INIT_RAM_2A = 0, INIT_RAM_2B = 0, INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0, \
  INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0, INIT_RAM_36 = 0, INIT_RAM_37 = 0, \
  INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0, INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0;
`define POPBEAT_INIT { \
  INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38, \
  INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30, \
  INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28, \
  INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20, \
  INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18, \
  INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10, \
  INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08, \
  INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00}

// The memory of a block RAM: 2,048 bytes of 9 bits (of 8 where a block has no parity). Two ports of 1, 2, 4, 8 or 9, 16 or 18, 32
// or 36 bits. Narrow words count from the least significant bit on; of wide ones, the address' lowest bits enable a byte each. A
// write shows at its port's output: not (mode 0), at once (1), or what was there before (2). A reset needs no enable.
module popbeat_gowin_bsram(
  input clka, cea, wrea, reseta, input [13:0] ada, input [35:0] dia, output [35:0] doa,
  input clkb, ceb, wreb, resetb, input [13:0] adb, input [35:0] dib, output [35:0] dob
);
  parameter BYTE = 9;
  parameter WIDTH_A = 36;
  parameter WIDTH_B = 36;
  parameter MODE_A = 0;
  parameter MODE_B = 0;
  parameter [2048*BYTE-1:0] INIT = 0;

  reg [8:0] bytes [0:2047];
  reg [35:0] outa = 0, outb = 0;
  integer i;
  initial for (i = 0; i < 2048; i = i + 1) bytes[i] = {{(9 - BYTE){1'b0}}, INIT[i * BYTE +: BYTE]};

  // Four bytes of 9 bits as one word without the gaps between them, and the other way round.
  function [35:0] closed(input [35:0] word);
    closed = BYTE == 9 ? word : {4'd0, word[34:27], word[25:18], word[16:9], word[7:0]};
  endfunction

  function [35:0] opened(input [35:0] word);
    opened = BYTE == 9 ? word : {1'b0, word[31:24], 1'b0, word[23:16], 1'b0, word[15:8], 1'b0, word[7:0]};
  endfunction

  // The first byte of a word, and where the word begins in it.
  function [10:0] first(input integer width, input [13:0] address);
    first = width > 18 ? {address[13:5], 2'd0} : width > 9 ? {address[13:4], 1'b0} : address[13:3];
  endfunction

  function [2:0] place(input integer width, input [13:0] address);
    place = width > 4 ? 3'd0 : address[2:0] & ~(width[2:0] - 3'd1);
  endfunction

  // Which of four bytes' bits a write changes.
  function [35:0] mask(input integer width, input [13:0] address);
    if (width > 18) mask = {{9{address[3]}}, {9{address[2]}}, {9{address[1]}}, {9{address[0]}}};
    else if (width > 9) mask = {18'd0, {9{address[1]}}, {9{address[0]}}};
    else mask = ((36'd1 << width) - 36'd1) << place(width, address);
  endfunction

  function [35:0] limited(input integer width, input [35:0] word);
    limited = width > 18 ? word : word & ((36'd1 << (width > 9 ? 18 : width)) - 36'd1);
  endfunction

  wire [10:0] firsta = first(WIDTH_A, ada);
  wire [35:0] olda = {bytes[firsta | 11'd3], bytes[firsta | 11'd2], bytes[firsta | 11'd1], bytes[firsta]};
  wire [35:0] maska = mask(WIDTH_A, ada);
  wire [35:0] newa = (olda & ~maska) | ((opened(dia) << place(WIDTH_A, ada)) & maska);
  wire [35:0] seena = (wrea && MODE_A == 1 ? newa : olda) >> place(WIDTH_A, ada);
  always @(posedge clka) begin
    if (cea && wrea) begin
      bytes[firsta] <= newa[8:0];
      if (WIDTH_A > 9) bytes[firsta | 11'd1] <= newa[17:9];
      if (WIDTH_A > 18) {bytes[firsta | 11'd3], bytes[firsta | 11'd2]} <= newa[35:18];
    end
    if (reseta) outa <= 0;
    else if (cea && !(wrea && MODE_A == 0)) outa <= closed(limited(WIDTH_A, seena));
  end
  assign doa = outa;

  wire [10:0] firstb = first(WIDTH_B, adb);
  wire [35:0] oldb = {bytes[firstb | 11'd3], bytes[firstb | 11'd2], bytes[firstb | 11'd1], bytes[firstb]};
  wire [35:0] maskb = mask(WIDTH_B, adb);
  wire [35:0] newb = (oldb & ~maskb) | ((opened(dib) << place(WIDTH_B, adb)) & maskb);
  wire [35:0] seenb = (wreb && MODE_B == 1 ? newb : oldb) >> place(WIDTH_B, adb);
  always @(posedge clkb) begin
    if (ceb && wreb) begin
      bytes[firstb] <= newb[8:0];
      if (WIDTH_B > 9) bytes[firstb | 11'd1] <= newb[17:9];
      if (WIDTH_B > 18) {bytes[firstb | 11'd3], bytes[firstb | 11'd2]} <= newb[35:18];
    end
    if (resetb) outb <= 0;
    else if (ceb && !(wreb && MODE_B == 0)) outb <= closed(limited(WIDTH_B, seenb));
  end
  assign dob = outb;
endmodule

// One port.
module SP(
  output [31:0] DO, input [31:0] DI, input [2:0] BLKSEL, input [13:0] AD, input WRE, CLK, CE, OCE, RESET
);
  parameter READ_MODE = 1'b0;
  parameter WRITE_MODE = 2'b00;
  parameter BIT_WIDTH = 32;
  parameter BLK_SEL = 3'b000;
  parameter RESET_MODE = "SYNC";
  `POPBEAT_INITS(256)
  wire [35:0] word, none;
  assign DO = word[31:0];
  popbeat_gowin_bsram #(
    .BYTE(8), .WIDTH_A(BIT_WIDTH), .WIDTH_B(1), .MODE_A(WRITE_MODE), .INIT(`POPBEAT_INIT)
  ) memory(
    CLK, CE, WRE, RESET, AD, {4'd0, DI}, word,
    1'b0, 1'b0, 1'b0, 1'b0, 14'd0, 36'd0, none
  );
endmodule

// One port.
module SPX9(
  output [35:0] DO, input [35:0] DI, input [2:0] BLKSEL, input [13:0] AD, input WRE, CLK, CE, OCE, RESET
);
  parameter READ_MODE = 1'b0;
  parameter WRITE_MODE = 2'b00;
  parameter BIT_WIDTH = 36;
  parameter BLK_SEL = 3'b000;
  parameter RESET_MODE = "SYNC";
  `POPBEAT_INITS(288)
  wire [35:0] word, none;
  assign DO = word[35:0];
  popbeat_gowin_bsram #(
    .BYTE(9), .WIDTH_A(BIT_WIDTH), .WIDTH_B(1), .MODE_A(WRITE_MODE), .INIT(`POPBEAT_INIT)
  ) memory(
    CLK, CE, WRE, RESET, AD, DI, word,
    1'b0, 1'b0, 1'b0, 1'b0, 14'd0, 36'd0, none
  );
endmodule

// A port to write, A, and one to read.
module SDPB(
  input CLKA, CEA, CLKB, CEB, OCE, RESETA, RESETB, input [13:0] ADA, ADB, input [31:0] DI, input [2:0] BLKSELA, BLKSELB,
  output [31:0] DO
);
  parameter READ_MODE = 1'b0;
  parameter BIT_WIDTH_0 = 32;
  parameter BIT_WIDTH_1 = 32;
  parameter BLK_SEL_0 = 3'b000;
  parameter BLK_SEL_1 = 3'b000;
  parameter RESET_MODE = "SYNC";
  `POPBEAT_INITS(256)
  wire [35:0] word, none;
  assign DO = word[31:0];
  popbeat_gowin_bsram #(
    .BYTE(8), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .INIT(`POPBEAT_INIT)
  ) memory(
    CLKA, CEA, 1'b1, RESETA, ADA, {4'd0, DI}, none,
    CLKB, CEB, 1'b0, RESETB, ADB, 36'd0, word
  );
endmodule

// A port to write, A, and one to read.
module SDPX9B(
  input CLKA, CEA, CLKB, CEB, OCE, RESETA, RESETB, input [13:0] ADA, ADB, input [35:0] DI, input [2:0] BLKSELA, BLKSELB,
  output [35:0] DO
);
  parameter READ_MODE = 1'b0;
  parameter BIT_WIDTH_0 = 36;
  parameter BIT_WIDTH_1 = 36;
  parameter BLK_SEL_0 = 3'b000;
  parameter BLK_SEL_1 = 3'b000;
  parameter RESET_MODE = "SYNC";
  `POPBEAT_INITS(288)
  wire [35:0] word, none;
  assign DO = word[35:0];
  popbeat_gowin_bsram #(
    .BYTE(9), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .INIT(`POPBEAT_INIT)
  ) memory(
    CLKA, CEA, 1'b1, RESETA, ADA, DI, none,
    CLKB, CEB, 1'b0, RESETB, ADB, 36'd0, word
  );
endmodule

// Two ports.
module DPB(
  input CLKA, CEA, CLKB, CEB, OCEA, OCEB, RESETA, RESETB, WREA, WREB, input [13:0] ADA, ADB, input [2:0] BLKSELA, BLKSELB,
  input [15:0] DIA, DIB, output [15:0] DOA, DOB
);
  parameter READ_MODE0 = 1'b0;
  parameter READ_MODE1 = 1'b0;
  parameter WRITE_MODE0 = 2'b00;
  parameter WRITE_MODE1 = 2'b00;
  parameter BIT_WIDTH_0 = 16;
  parameter BIT_WIDTH_1 = 16;
  parameter BLK_SEL_0 = 3'b000;
  parameter BLK_SEL_1 = 3'b000;
  parameter RESET_MODE = "SYNC";
  `POPBEAT_INITS(256)
  wire [35:0] worda, wordb;
  assign DOA = worda[15:0], DOB = wordb[15:0];
  popbeat_gowin_bsram #(
    .BYTE(8), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .MODE_A(WRITE_MODE0), .MODE_B(WRITE_MODE1), .INIT(`POPBEAT_INIT)
  ) memory(
    CLKA, CEA, WREA, RESETA, ADA, {20'd0, DIA}, worda,
    CLKB, CEB, WREB, RESETB, ADB, {20'd0, DIB}, wordb
  );
endmodule

// Two ports.
module DPX9B(
  input CLKA, CEA, CLKB, CEB, OCEA, OCEB, RESETA, RESETB, WREA, WREB, input [13:0] ADA, ADB, input [2:0] BLKSELA, BLKSELB,
  input [17:0] DIA, DIB, output [17:0] DOA, DOB
);
  parameter READ_MODE0 = 1'b0;
  parameter READ_MODE1 = 1'b0;
  parameter WRITE_MODE0 = 2'b00;
  parameter WRITE_MODE1 = 2'b00;
  parameter BIT_WIDTH_0 = 18;
  parameter BIT_WIDTH_1 = 18;
  parameter BLK_SEL_0 = 3'b000;
  parameter BLK_SEL_1 = 3'b000;
  parameter RESET_MODE = "SYNC";
  `POPBEAT_INITS(288)
  wire [35:0] worda, wordb;
  assign DOA = worda[17:0], DOB = wordb[17:0];
  popbeat_gowin_bsram #(
    .BYTE(9), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .MODE_A(WRITE_MODE0), .MODE_B(WRITE_MODE1), .INIT(`POPBEAT_INIT)
  ) memory(
    CLKA, CEA, WREA, RESETA, ADA, {18'd0, DIA}, worda,
    CLKB, CEB, WREB, RESETB, ADB, {18'd0, DIB}, wordb
  );
endmodule

// Multiplier without registers: factors of 9 bits, signed or not.
module MULT9X9(
  input [8:0] A, SIA, B, SIB, input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET, output [17:0] DOUT, output [8:0] SOA, SOB
);
  wire signed [9:0] a = {ASIGN & A[8], A};
  wire signed [9:0] b = {BSIGN & B[8], B};
  wire signed [19:0] product = a * b;
  assign DOUT = product[17:0];
endmodule

// Multiplier without registers: factors of 18 bits, signed or not.
module MULT18X18(
  input [17:0] A, SIA, B, SIB, input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET, output [35:0] DOUT, output [17:0] SOA, SOB
);
  wire signed [18:0] a = {ASIGN & A[17], A};
  wire signed [18:0] b = {BSIGN & B[17], B};
  wire signed [37:0] product = a * b;
  assign DOUT = product[35:0];
endmodule

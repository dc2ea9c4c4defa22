// The machine with a register before each of its inputs, its clock and its reset.
//
// The harness sets the inputs for the next cycle before the clock's edge, so that nothing depends on
// an input without a register between: Verilator then evaluates the machine once a cycle.
module harness (
    input tick,
    output interrupted,
    output m_axi_arid, output [`ADDRESS_BITS-1:0] m_axi_araddr, output [7:0] m_axi_arlen,
    output [2:0] m_axi_arsize, output [1:0] m_axi_arburst, output m_axi_arvalid,
    input next_arready,
    input next_rid, input [8*`BUS_BYTES-1:0] next_rdata, input [1:0] next_rresp, input next_rlast,
    input next_rvalid, output m_axi_rready,
    output m_axi_awid, output [`ADDRESS_BITS-1:0] m_axi_awaddr, output [7:0] m_axi_awlen,
    output [2:0] m_axi_awsize, output [1:0] m_axi_awburst, output m_axi_awvalid,
    input next_awready,
    output [8*`BUS_BYTES-1:0] m_axi_wdata, output [`BUS_BYTES-1:0] m_axi_wstrb, output m_axi_wlast,
    output m_axi_wvalid, input next_wready,
    input next_bid, input [1:0] next_bresp, input next_bvalid, output m_axi_bready,
    input [9:0] next_axil_awaddr, input next_axil_awvalid, output s_axil_awready,
    input [31:0] next_axil_wdata, input next_axil_wvalid, output s_axil_wready,
    output [1:0] s_axil_bresp, output s_axil_bvalid, input next_axil_bready,
    input [9:0] next_axil_araddr, input next_axil_arvalid, output s_axil_arready,
    output [31:0] s_axil_rdata, output [1:0] s_axil_rresp, output s_axil_rvalid,
    input next_axil_rready,
    output [3:0] trace_start, output [3:0] trace_finish,
    output [31:0] trace_start_index0, output [31:0] trace_start_index1,
    output [31:0] trace_start_index2, output [31:0] trace_start_index3,
    output [31:0] trace_finish_index0, output [31:0] trace_finish_index1,
    output [31:0] trace_finish_index2, output [31:0] trace_finish_index3
);
`ifdef WAVEFORM
    wire clk = tick;
`else
    // Each change of tick is a whole cycle, in one evaluation: the clock falls where it has risen.
    reg ticked = 0;
    wire clk = tick ^ ticked;
    always @(posedge clk) ticked <= tick;
`endif
    reg rst = 1;
    reg m_axi_arready = 0, m_axi_rid, m_axi_rlast, m_axi_rvalid = 0;
    reg [8*`BUS_BYTES-1:0] m_axi_rdata;
    reg [1:0] m_axi_rresp, m_axi_bresp;
    reg m_axi_awready = 0, m_axi_wready = 0, m_axi_bid, m_axi_bvalid = 0;
    reg [9:0] s_axil_awaddr, s_axil_araddr;
    reg s_axil_awvalid = 0, s_axil_wvalid = 0, s_axil_bready = 0;
    reg s_axil_arvalid = 0, s_axil_rready = 0;
    reg [31:0] s_axil_wdata;

    always @(posedge clk) begin
        rst <= 0;
        m_axi_arready <= next_arready;
        m_axi_rvalid <= next_rvalid;
        if (next_rvalid) begin
            m_axi_rid <= next_rid;
            m_axi_rdata <= next_rdata;
            m_axi_rresp <= next_rresp;
            m_axi_rlast <= next_rlast;
        end
        m_axi_awready <= next_awready;
        m_axi_wready <= next_wready;
        m_axi_bvalid <= next_bvalid;
        m_axi_bid <= next_bid;
        m_axi_bresp <= next_bresp;
        s_axil_awvalid <= next_axil_awvalid;
        s_axil_awaddr <= next_axil_awaddr;
        s_axil_wvalid <= next_axil_wvalid;
        s_axil_wdata <= next_axil_wdata;
        s_axil_bready <= next_axil_bready;
        s_axil_arvalid <= next_axil_arvalid;
        s_axil_araddr <= next_axil_araddr;
        s_axil_rready <= next_axil_rready;
    end

    tilewright machine (
        .clk(clk), .rst(rst), .interrupt(interrupted),
        .m_axi_arid(m_axi_arid), .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen),
        .m_axi_arsize(m_axi_arsize), .m_axi_arburst(m_axi_arburst),
        .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready),
        .m_axi_rid(m_axi_rid), .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp),
        .m_axi_rlast(m_axi_rlast), .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready),
        .m_axi_awid(m_axi_awid), .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen),
        .m_axi_awsize(m_axi_awsize), .m_axi_awburst(m_axi_awburst),
        .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready),
        .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb), .m_axi_wlast(m_axi_wlast),
        .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready),
        .m_axi_bid(m_axi_bid), .m_axi_bresp(m_axi_bresp),
        .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready),
        .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(3'b0),
        .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready),
        .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(4'hf),
        .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
        .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
        .s_axil_araddr(s_axil_araddr), .s_axil_arprot(3'b0),
        .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
        .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
        .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
        .trace_start(trace_start), .trace_finish(trace_finish),
        .trace_start_index0(trace_start_index0), .trace_start_index1(trace_start_index1),
        .trace_start_index2(trace_start_index2), .trace_start_index3(trace_start_index3),
        .trace_finish_index0(trace_finish_index0), .trace_finish_index1(trace_finish_index1),
        .trace_finish_index2(trace_finish_index2), .trace_finish_index3(trace_finish_index3)
    );
endmodule

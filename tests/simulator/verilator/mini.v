// A little machine with the ports of the real one, for tests of the harness: a 32-bit bus.
// START reads one burst of 4 beats at program_address, writes it 64 bytes higher, adding one to
// the first word, and is done. status, program_address and a cycle counter are its registers.
module tilewright (
    input clk, input rst, output interrupt,
    output [0:0] m_axi_arid, output reg [31:0] m_axi_araddr, output [7:0] m_axi_arlen,
    output [2:0] m_axi_arsize, output [1:0] m_axi_arburst, output reg m_axi_arvalid,
    input m_axi_arready, input [0:0] m_axi_rid, input [31:0] m_axi_rdata, input [1:0] m_axi_rresp,
    input m_axi_rlast, input m_axi_rvalid, output m_axi_rready,
    output [0:0] m_axi_awid, output [31:0] m_axi_awaddr, output [7:0] m_axi_awlen,
    output [2:0] m_axi_awsize, output [1:0] m_axi_awburst, output reg m_axi_awvalid,
    input m_axi_awready, output [31:0] m_axi_wdata, output [3:0] m_axi_wstrb, output m_axi_wlast,
    output reg m_axi_wvalid, input m_axi_wready, input [0:0] m_axi_bid, input [1:0] m_axi_bresp,
    input m_axi_bvalid, output m_axi_bready,
    input [9:0] s_axil_awaddr, input [2:0] s_axil_awprot, input s_axil_awvalid,
    output s_axil_awready, input [31:0] s_axil_wdata, input [3:0] s_axil_wstrb,
    input s_axil_wvalid, output s_axil_wready, output [1:0] s_axil_bresp, output reg s_axil_bvalid,
    input s_axil_bready, input [9:0] s_axil_araddr, input [2:0] s_axil_arprot,
    input s_axil_arvalid, output s_axil_arready, output reg [31:0] s_axil_rdata,
    output [1:0] s_axil_rresp, output reg s_axil_rvalid, input s_axil_rready,
    output [3:0] trace_start, output [3:0] trace_finish,
    output [31:0] trace_start_index0, output [31:0] trace_start_index1,
    output [31:0] trace_start_index2, output [31:0] trace_start_index3,
    output [31:0] trace_finish_index0, output [31:0] trace_finish_index1,
    output [31:0] trace_finish_index2, output [31:0] trace_finish_index3
);
    reg running, done, failed;
    reg [31:0] address, cycles;
    reg [31:0] data [0:3];
    reg [2:0] taken, sent;
    wire start = write && s_axil_awaddr == 10'h10 && s_axil_wdata[0];
    wire write = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid;

    assign interrupt = done || failed;
    assign m_axi_arid = 1, m_axi_awid = 1;
    assign m_axi_arlen = 3, m_axi_awlen = 3, m_axi_arsize = 2, m_axi_awsize = 2;
    assign m_axi_arburst = 1, m_axi_awburst = 1;
    assign m_axi_rready = 1, m_axi_bready = 1;
    assign m_axi_awaddr = m_axi_araddr + 64;
    assign m_axi_wdata = data[sent[1:0]] + (sent == 0);
    assign m_axi_wstrb = 4'hf, m_axi_wlast = sent == 3;
    assign s_axil_awready = write, s_axil_wready = write, s_axil_bresp = 0;
    assign s_axil_arready = !s_axil_rvalid, s_axil_rresp = 0;
    assign trace_start = {3'b0, start}, trace_finish = {3'b0, running && m_axi_bvalid};
    assign trace_start_index0 = 7, trace_finish_index0 = 7;
    assign trace_start_index1 = 0, trace_start_index2 = 0, trace_start_index3 = 0;
    assign trace_finish_index1 = 0, trace_finish_index2 = 0, trace_finish_index3 = 0;

    always @(posedge clk) begin
        if (s_axil_bvalid && s_axil_bready) s_axil_bvalid <= 0;
        if (s_axil_rvalid && s_axil_rready) s_axil_rvalid <= 0;
        if (write) begin
            s_axil_bvalid <= 1;
            if (s_axil_awaddr == 10'h28) address <= s_axil_wdata;
        end
        if (s_axil_arvalid && s_axil_arready) begin
            s_axil_rvalid <= 1;
            s_axil_rdata <= s_axil_araddr == 10'h14 ? {29'b0, failed, done, running} :
                            s_axil_araddr == 10'h28 ? address :
                            s_axil_araddr == 10'h200 ? cycles : 0;
        end
        if (start) begin
            running <= 1; done <= 0; failed <= 0; cycles <= 0; taken <= 0; sent <= 0;
            m_axi_araddr <= address; m_axi_arvalid <= 1;
        end else if (running) begin
            cycles <= cycles + 1;
            if (m_axi_arvalid && m_axi_arready) m_axi_arvalid <= 0;
            if (m_axi_rvalid) begin
                data[taken[1:0]] <= m_axi_rdata;
                taken <= taken + 1;
                if (m_axi_rresp != 0 || m_axi_rid != 1) failed <= 1;
                if (m_axi_rlast) begin m_axi_awvalid <= 1; m_axi_wvalid <= 1; end
            end
            if (m_axi_awvalid && m_axi_awready) m_axi_awvalid <= 0;
            if (m_axi_wvalid && m_axi_wready) begin
                sent <= sent + 1;
                if (m_axi_wlast) m_axi_wvalid <= 0;
            end
            if (m_axi_bvalid) begin
                running <= 0;
                done <= !failed && m_axi_bresp == 0;
                failed <= failed || m_axi_bresp != 0;
            end
        end
        if (rst) begin
            running <= 0; done <= 0; failed <= 0; m_axi_arvalid <= 0; m_axi_awvalid <= 0;
            m_axi_wvalid <= 0; s_axil_bvalid <= 0; s_axil_rvalid <= 0;
        end
    end
endmodule

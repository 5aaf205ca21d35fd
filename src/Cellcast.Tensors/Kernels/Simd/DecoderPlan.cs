namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Sizes of the fused count decoder. Cells and genes are cut into tiles that stay in a second-level cache with everything that is multiplied with them.</summary>
internal static class DecoderPlan
{
    /// <summary>Cells of a tile; a multiple of every tile height and width.</summary>
    public const int CellBlock = 192;

    /// <summary>Most genes of a tile, and of one piece of parallel work.</summary>
    public const int GeneBlock = 256;

    /// <summary>Genes that tiles are multiples of: every minibatch knows where they begin in its rows.</summary>
    public const int GeneUnit = BlockStarts.Columns;

    /// <summary>Cells that are worked on at once: bounds the memory of the partial gradients.</summary>
    public const int CellBatch = 11 * CellBlock;

    public static EvenBlocks Blocks(int genes) => new(genes, GeneUnit, GeneBlock);

    public static int Round(int n, int unit) => (n + unit - 1) / unit * unit;
}

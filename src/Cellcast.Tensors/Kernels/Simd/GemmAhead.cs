using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Memory that will be wanted soon, asked for from inside a tile: four cache lines for every sixteen positions of k. Asked for all at once, between tiles, the
/// requests would fill the queue of the first-level cache and hold up the multiply-adds.</summary>
internal unsafe struct GemmAhead
{
    /// <summary>Positions of k between two requests.</summary>
    public const int Steps = 16;

    /// <summary>Tiles that together fetch one panel of columns.</summary>
    public const int Tiles = 8;

    private const int Line = 64;
    private const int LastOfLine = 60;

    private byte* _at;
    private readonly nint _aside, _below, _step;
    private int _left;

    private GemmAhead(byte* at, nint aside, nint below, nint step, int times)
    {
        _at = at;
        _aside = aside;
        _below = below;
        _step = step;
        _left = Sse.IsSupported ? times : 0;
    }

    /// <summary>An eighth of the columns that a panel two vectors wide is made of.</summary>
    /// <param name="operand">The factor.</param>
    /// <param name="line">First column of the panel.</param>
    /// <param name="p">First position of k.</param>
    /// <param name="k">Positions of k.</param>
    /// <param name="part">Which eighth.</param>
    public static GemmAhead Panel<T>(GemmOperand operand, nint line, nint p, int k, int part) where T : struct, IVec<T>
    {
        nint stride = operand.Stride * sizeof(float);
        int share = (k + Tiles - 1) / Tiles;
        return operand.ContiguousK
            ? new((byte*)operand.At(line + part * (2 * T.Count / Tiles), p), stride, 2 * stride, Line, (k + Steps - 1) / Steps)
            // Lines by their ends: what a row shares with the panel before it is there already.
            : new((byte*)operand.At(line, p + part * share) + LastOfLine, Line, stride, 2 * stride, (Math.Min(share, k - part * share) + 1) / 2);
    }

    /// <summary>An eighth of a packed panel two vectors wide.</summary>
    public static GemmAhead Packed<T>(float* panel, int k, int part) where T : struct, IVec<T>
    {
        int share = 2 * T.Count * k / Tiles;
        return new((byte*)(panel + (nint)part * share), Line, 2 * Line, 4 * Line, (share * sizeof(float) + 4 * Line - 1) / (4 * Line));
    }

    /// <summary>Rows that are asked for together.</summary>
    public const int LinesOfRows = 4;

    /// <summary>Four rows along k.</summary>
    public static GemmAhead Rows(GemmOperand operand, nint line, nint p, int k)
    {
        nint stride = operand.Stride * sizeof(float);
        return new((byte*)operand.At(line, p), stride, 2 * stride, Line, (k + Steps - 1) / Steps);
    }

    /// <summary>Consecutive numbers.</summary>
    public static GemmAhead Stretch(float* from, int count) => new((byte*)from, Line, 2 * Line, 4 * Line, (count * sizeof(float) + 4 * Line - 1) / (4 * Line));

    /// <summary>Four positions of lines that lie across k.</summary>
    public static GemmAhead Across(GemmOperand operand, nint line, int lines, nint p)
    {
        nint stride = operand.Stride * sizeof(float);
        return new((byte*)operand.At(line, p), stride, 2 * stride, Line, lines * sizeof(float) / Line + 1);
    }

    /// <summary>A position of k in some panels of columns.</summary>
    /// <param name="panel">Where it is in the first panel.</param>
    /// <param name="stride">Elements from panel to panel.</param>
    /// <param name="panels">Number of panels.</param>
    public static GemmAhead InPanels(float* panel, nint stride, int panels) => new((byte*)panel, Line, stride * sizeof(float), 2 * stride * sizeof(float), (panels + 1) / 2);

    /// <summary>Four cache lines, about four positions of k, in each of some tiles of rows.</summary>
    /// <param name="tile">Where they are in the first tile.</param>
    /// <param name="stride">Elements from tile to tile.</param>
    /// <param name="tiles">Number of tiles.</param>
    public static GemmAhead InTiles(float* tile, nint stride, int tiles) => new((byte*)tile, Line, 2 * Line, stride * sizeof(float), tiles);

    /// <summary>A tile of C.</summary>
    public static GemmAhead Result(float* c, nint stride, int rows) => new((byte*)c + LastOfLine, Line, stride * sizeof(float), 2 * stride * sizeof(float), (rows + 1) / 2);

    /// <summary>Nothing is left to ask for.</summary>
    public readonly bool IsDone => _left <= 0;

    /// <summary>Where a tile goes that is the transpose of C: the last number of it in each row of C, since what is before them has been asked for with the tile before.</summary>
    public static GemmAhead Turned(float* last, nint stride, int rows) =>
        new((byte*)last, stride * sizeof(float), 2 * stride * sizeof(float), 4 * stride * sizeof(float), (rows + 3) / 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Ask()
    {
        if (!Sse.IsSupported || _left <= 0) return;
        _left--;
        Sse.Prefetch1(_at);
        Sse.Prefetch1(_at + _aside);
        Sse.Prefetch1(_at + _below);
        Sse.Prefetch1(_at + _below + _aside);
        _at += _step;
    }
}

/// <summary>What a tile asks for on its way.</summary>
internal unsafe struct GemmRequests
{
    /// <summary>Factors of tiles to come.</summary>
    public GemmAhead Factors;

    /// <summary>The tile of C, where that is not near.</summary>
    public GemmAhead Result;

    /// <summary>What is packed for the next piece of k after this tile.</summary>
    public GemmAhead Source;

    /// <summary>Where that goes: stores wait for their cache lines as loads do.</summary>
    public GemmAhead Target;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Ask()
    {
        Factors.Ask();
        Result.Ask();
        if (Source.IsDone) Target.Ask();
        else Source.Ask();
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Asks for a rectangle of memory bit by bit, ahead of its use and between other work: it will be read in pieces too short, or too far apart, for the
/// processor to guess.</summary>
internal unsafe struct CacheWalk
{
    private const int Line = 64;

    private readonly nint _stride;
    private readonly int _linesPerRow;
    private byte* _row;
    private int _rowsLeft;
    private int _line;

    /// <summary>Nothing to ask for where <paramref name="rows"/> is 0.</summary>
    public CacheWalk(float* origin, nint stride, int rows, int floatsPerRow)
    {
        _row = (byte*)((nint)origin & -Line);
        _stride = stride * sizeof(float);
        // A row need not begin at a line: one more, and never fewer than it touches.
        _linesPerRow = (floatsPerRow * sizeof(float) + Line - 1) / Line + 1;
        _rowsLeft = Sse.IsSupported ? rows : 0;
    }

    public readonly int Lines => _rowsLeft * _linesPerRow;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Ask(int lines)
    {
        for (; lines > 0 && _rowsLeft > 0; lines--)
        {
            if (Sse.IsSupported) Sse.Prefetch1(_row + _line * Line);
            if (++_line < _linesPerRow) continue;
            _line = 0;
            _row += _stride;
            _rowsLeft--;
        }
    }

    /// <summary>Asks for a stretch of memory at once, in the first-level cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fetch(void* from, int bytes)
    {
        if (!Sse.IsSupported) return;
        byte* end = (byte*)from + bytes;
        for (byte* p = (byte*)from; p < end; p += Line) Sse.Prefetch0(p);
    }
}

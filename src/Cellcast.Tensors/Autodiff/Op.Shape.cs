namespace Cellcast.Tensors.Autodiff;

public static partial class Op
{
    /// <summary>The same numbers under another shape; no copy.</summary>
    public static Tensor Reshape(Tensor x, params int[] shape)
    {
        var tape = Tape.Of(x);
        return tape.Keep(x.View([.. shape], tape));
    }

    /// <summary>Matrix turned over.</summary>
    public static Tensor Transpose(Tensor x)
    {
        var tape = Tape.Of(x);
        var y = tape.Result([x.Columns, x.Rows], x.RequiresGradient);
        tape.Device.Transpose(x, y, accumulate: false);
        if (y.RequiresGradient) tape.Add(nameof(Transpose), y, y => tape.Device.Transpose(y.Gradient, x.GradientForUpdate(out bool accumulate), accumulate));
        return y;
    }

    /// <summary>Matrices side by side: [a, b, ...].</summary>
    /// <param name="parts">All with the same number of rows.</param>
    public static Tensor ConcatColumns(params Tensor[] parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        var tape = Tape.Of(parts);
        int columns = 0;
        bool required = false;
        foreach (var p in parts)
        {
            if (p.Rows != parts[0].Rows) throw Mismatch(nameof(ConcatColumns), parts);
            columns += p.Columns;
            required |= p.RequiresGradient;
        }
        var y = tape.Result([parts[0].Rows, columns], required);
        int first = 0;
        foreach (var p in parts)
        {
            tape.Device.CopyColumns(p, 0, y, first, p.Columns, accumulate: false);
            first += p.Columns;
        }
        if (y.RequiresGradient)
            tape.Add(nameof(ConcatColumns), y, y =>
            {
                int first = 0;
                foreach (var p in parts)
                {
                    if (p.RequiresGradient) tape.Device.CopyColumns(y.Gradient, first, p.GradientForUpdate(out bool accumulate), 0, p.Columns, accumulate);
                    first += p.Columns;
                }
            });
        return y;
    }

    /// <summary>Some neighbouring columns.</summary>
    public static Tensor SliceColumns(Tensor x, int first, int count)
    {
        var tape = Tape.Of(x);
        if (first < 0 || count < 0 || first > x.Columns - count) throw new ArgumentOutOfRangeException(nameof(first), $"columns {first} to {first + count - 1} of {x.ShapeText}");
        var y = tape.Result([x.Rows, count], x.RequiresGradient);
        tape.Device.CopyColumns(x, first, y, 0, count, accumulate: false);
        if (y.RequiresGradient) tape.Add(nameof(SliceColumns), y, y => tape.Device.CopyColumns(y.Gradient, 0, x.Gradient, first, count, accumulate: true));
        return y;
    }

    /// <summary>Some neighbouring rows.</summary>
    public static Tensor SliceRows(Tensor x, int first, int count)
    {
        var tape = Tape.Of(x);
        if (first < 0 || count < 0 || first > x.Rows - count) throw new ArgumentOutOfRangeException(nameof(first), $"rows {first} to {first + count - 1} of {x.ShapeText}");
        int n = x.Columns;
        var y = tape.Result([count, n], x.RequiresGradient);
        tape.Device.CopyRange(x, first * n, y, 0, count * n, accumulate: false);
        if (y.RequiresGradient) tape.Add(nameof(SliceRows), y, y => tape.Device.CopyRange(y.Gradient, 0, x.Gradient, first * n, count * n, accumulate: true));
        return y;
    }

    /// <summary>Chosen rows, in any order, repeats allowed: an embedding is this on its table.</summary>
    /// <param name="tape">The tape of the result.</param>
    /// <param name="x">The table.</param>
    /// <param name="rows">Row numbers. Read again by the backward pass: do not change them before.</param>
    public static Tensor GatherRows(Tape tape, Tensor x, ReadOnlyMemory<int> rows)
    {
        ArgumentNullException.ThrowIfNull(tape);
        ArgumentNullException.ThrowIfNull(x);
        foreach (int r in rows.Span)
            if ((uint)r >= (uint)x.Rows) throw new ArgumentException($"row {r} of {x.ShapeText}", nameof(rows));
        var y = tape.Result([rows.Length, x.Columns], x.RequiresGradient);
        tape.Device.GatherRows(x, rows.Span, y);
        if (y.RequiresGradient) tape.Add(nameof(GatherRows), y, y => tape.Device.ScatterAddRows(y.Gradient, rows.Span, x.Gradient));
        return y;
    }

    /// <summary>Constant matrix with a single 1 in every row.</summary>
    /// <param name="tape">The tape of the result.</param>
    /// <param name="codes">Column of the 1, or -1 for a row of zeros.</param>
    /// <param name="columns">Number of columns.</param>
    public static Tensor OneHot(Tape tape, ReadOnlySpan<int> codes, int columns)
    {
        ArgumentNullException.ThrowIfNull(tape);
        var y = tape.NewTensor(codes.Length, columns);
        tape.Device.Fill(y, 0);
        var span = y.Span;
        for (int i = 0; i < codes.Length; i++)
        {
            if (codes[i] < -1 || codes[i] >= columns) throw new ArgumentException($"code {codes[i]} with {columns} columns", nameof(codes));
            if (codes[i] >= 0) span[i * columns + codes[i]] = 1;
        }
        return y;
    }
}

using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Cells as if they had been sequenced less deeply: each molecule is kept with the same chance, so that genes of few molecules are lost first. Molecules are counted from the values: the
/// smallest value of a cell is taken for one molecule.</summary>
internal sealed class MoleculeThinning
{
    private float[] _values = [];

    /// <summary>Value of each of the cell's genes after the loss, of the same kind as before; 0 where it is lost.</summary>
    internal ReadOnlySpan<float> Values => _values;

    /// <summary>Thins a cell. One gene stays at least.</summary>
    /// <param name="cells">The cells.</param>
    /// <param name="cell">Which.</param>
    /// <param name="depth">Chance of every molecule to be kept, above 0.</param>
    /// <param name="key">Names the random choice.</param>
    internal void Take(CellSet cells, int cell, double depth, RandomKey key)
    {
        var values = cells.ValuesOf(cell);
        float scale = cells.ScaleOf(cell);
        if (_values.Length < values.Length) _values = new float[values.Length];
        float least = float.MaxValue, most = 0;
        int top = 0;
        for (int i = 0; i < values.Length; i++)
        {
            least = Math.Min(least, values[i]);
            if (values[i] > most) (most, top) = (values[i], i);
        }
        if (depth >= 1 || values.IsEmpty)
        {
            values.CopyTo(_values);
            return;
        }
        var random = new RandomStream(key);
        double unit = Math.Exp(least * scale) - 1, before = 0, after = 0;
        for (int i = 0; i < values.Length; i++)
        {
            long count = Math.Max(1, (long)Math.Round((Math.Exp(values[i] * scale) - 1) / unit)), kept = random.NextBinomial(count, depth);
            before += count;
            after += kept;
            _values[i] = kept;
        }
        if (after == 0) _values[top] = (float)(after = 1);
        double sum = 0;
        int alive = 0;
        for (int i = 0; i < values.Length; i++)
        {
            if (_values[i] == 0) continue;
            // Values that are all alike, as presence is, stay so.
            _values[i] = least == most ? least : (float)Math.Log(1 + _values[i] * before / after * unit);
            sum += _values[i];
            alive++;
        }
        if (!cells.RelativeValues || least == most) return;
        float mean = (float)(sum / alive);
        for (int i = 0; i < values.Length; i++) _values[i] /= mean;
    }
}

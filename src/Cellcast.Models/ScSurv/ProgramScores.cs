namespace Cellcast.Models.ScSurv;

/// <summary>Scores of cells on the expression programs of their own types. Those on programs of other types are zero and take no memory: N x the most programs of one type, not N x K.</summary>
public sealed class ProgramScores
{
    private readonly int[] _first, _count, _programType;

    /// <param name="programType">Type of each of the K programs, ascending.</param>
    /// <param name="typeOf">Type of each of the N cells, -1 for none; kept, not copied.</param>
    internal ProgramScores(int[] programType, int[] typeOf) : this(programType, typeOf, null) { }

    /// <param name="programType">Type of each of the K programs, ascending.</param>
    /// <param name="typeOf">Type of each of the N cells, -1 for none; kept, not copied.</param>
    /// <param name="values">N x <see cref="Width"/>, kept; null for zeros.</param>
    internal ProgramScores(int[] programType, int[] typeOf, double[]? values)
    {
        (_programType, TypeOf) = (programType, typeOf);
        int types = Math.Max(programType.Length == 0 ? 0 : programType.Max() + 1, typeOf.Length == 0 ? 0 : typeOf.Max() + 1);
        (_first, _count) = (new int[types], new int[types]);
        for (int k = programType.Length - 1; k >= 0; k--)
        {
            _first[programType[k]] = k;
            _count[programType[k]]++;
        }
        Width = WidthOf(programType);
        Values = values ?? new double[(long)typeOf.Length * Width];
        if (Values.LongLength != (long)typeOf.Length * Width) throw new ArgumentException($"{Values.Length} scores do not fill {typeOf.Length} x {Width}", nameof(values));
    }

    /// <summary>Number of cells N.</summary>
    public int Cells => TypeOf.Length;

    /// <summary>Number of programs K.</summary>
    public int Programs => _programType.Length;

    /// <summary>Score of a cell on a program; 0 where the program belongs to another type.</summary>
    public double this[int cell, int program] => TypeOf[cell] == _programType[program] ? Own(cell)[program - _first[TypeOf[cell]]] : 0;

    /// <summary>Type of each cell, -1 for none.</summary>
    internal int[] TypeOf { get; }

    /// <summary>Most programs of one type.</summary>
    internal int Width { get; }

    /// <summary>Scores on the programs of each cell's type, in their order, N x <see cref="Width"/>.</summary>
    internal double[] Values { get; }

    /// <summary>First program of a cell's type; meaningless where it has none.</summary>
    internal int First(int cell) => TypeOf[cell] < 0 ? 0 : _first[TypeOf[cell]];

    /// <summary>Scores of a cell on the programs of its type.</summary>
    internal Span<double> Own(int cell)
    {
        int type = TypeOf[cell];
        return type < 0 ? [] : new Span<double>(Values, checked(cell * Width), _count[type]);
    }

    internal static int WidthOf(int[] programType) => programType.Length == 0 ? 0 : programType.GroupBy(t => t).Max(g => g.Count());
}

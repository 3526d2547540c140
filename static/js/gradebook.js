// The gradebook by keyboard: arrows go from cell to cell, Home and End along a row; Enter opens what a cell links to.
(() => {
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  document.addEventListener("keydown", (event) => {
    const book = event.target.closest?.(".book");
    if (!book || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const rows = book.querySelector("table").rows;
    const here = event.target.closest("th, td");
    let row = here ? here.parentElement.rowIndex : 1;
    let column = here ? here.cellIndex : 0;
    const step = STEPS[event.key];
    if (step && here) [row, column] = [row + step[0], column + step[1]];
    else if (here && event.key === "Home") column = 0;
    else if (here && event.key === "End") column = rows[row].cells.length - 1;
    else if (!step) return;
    const cell = rows[row]?.cells[column];
    if (!cell) return;
    event.preventDefault();
    const goal = cell.querySelector("a") ?? cell;
    if (goal === cell) cell.tabIndex = -1;
    goal.focus({ preventScroll: true });
    reveal(book, cell);
  });

  // Into sight beside the column and head that stay, which lie over whatever is behind them.
  const reveal = (book, cell) => {
    const frame = book.getBoundingClientRect();
    const place = cell.getBoundingClientRect();
    const corner = book.querySelector("thead th").getBoundingClientRect();
    if (cell.cellIndex > 0) {
      if (place.left < corner.right) book.scrollLeft -= corner.right - place.left;
      else if (place.right > frame.right) book.scrollLeft += place.right - frame.right;
    }
    if (cell.parentElement.rowIndex > 0) {
      if (place.top < corner.bottom) book.scrollTop -= corner.bottom - place.top;
      else if (place.bottom > frame.bottom) book.scrollTop += place.bottom - frame.bottom;
    }
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
})();
